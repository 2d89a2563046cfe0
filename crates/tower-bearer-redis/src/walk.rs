//! Lists all sessions, server by server and part by part.
//!
//! `SCAN` gives each key that is there all the while, and knows no order. It goes on from a number that means
//! something only to the run of the server that gave it, and tells nothing of keys that were moved between servers.
//! A cursor therefore names the run of its server and the assignment of the slots, and leads nowhere once either is
//! another one.

use std::collections::BTreeMap;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Cursor, ListedAll, Record, StoreError, StoreErrorKind},
};

use crate::{
    RedisStore,
    answer::{self, Part},
    connection::Walked,
    scripts,
};

/// The most parts that one call reads.
const PARTS: u32 = 16;
/// About how many keys of a server a part is made of.
const KEYS: usize = 128;

/// Where a part begins.
#[derive(Clone)]
struct Place {
    /// The number of the server.
    server: usize,
    /// The run of the server. It is not known at the beginning of its keys.
    run: String,
    from: u64,
}

impl RedisStore {
    pub(super) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let (servers, slots) = self.main.walkable().await;
        let mut place = match after {
            None => Place::beginning(0),
            Some(cursor) => Place::read(cursor, slots).ok_or(StoreErrorKind::Cursor)?,
        };
        let mut records = BTreeMap::new();
        // Of a part of so many keys, seldom more than twice as many come.
        let count = limit.div_ceil(2).min(KEYS);
        let mut parts = 0;
        loop {
            let server = servers.get(place.server).ok_or(match servers.is_empty() {
                true => StoreErrorKind::Unavailable,
                false => StoreErrorKind::Cursor,
            })?;
            let part = self.part(server, place.from, count).await?;
            if place.from != 0 && place.run != part.run {
                return Err(StoreErrorKind::Cursor.into());
            }
            let now = part.now;
            let live = self.live_of(&part, issuer).await?;
            // A page cannot end within a part. This one is left for the next page.
            if !records.is_empty() && records.len() + live.len() > limit {
                return page(records, Some(place.written(slots)?), now);
            }
            records.extend(live);
            place = place.after(part);
            if place.server == servers.len() {
                return page(records, None, now);
            }
            parts += 1;
            if records.len() >= limit || parts == PARTS {
                return page(records, Some(place.written(slots)?), now);
            }
        }
    }

    /// About so many keys of a server, from a place on.
    async fn part(&self, server: &Walked, from: u64, count: usize) -> Result<Part, StoreError> {
        let (from, count) = (from.to_string(), count.to_string());
        let arguments = [from.as_bytes(), &self.keys.sessions(), count.as_bytes()];
        let walk = scripts::WALK.on_all(&arguments);
        answer::part(self.main.read_at(server, walk).await?)
    }

    /// Whether there is any session. If there are too many keys of others to tell, it gives nothing.
    pub(super) async fn has_any(&self) -> Result<Option<bool>, StoreError> {
        let (servers, _) = self.main.walkable().await;
        if servers.is_empty() {
            return Err(StoreErrorKind::Unavailable.into());
        }
        let mut place = Place::beginning(0);
        for _ in 0..PARTS {
            let Some(server) = servers.get(place.server) else {
                return Ok(Some(false));
            };
            let part = self.part(server, place.from, KEYS).await?;
            if place.from != 0 && place.run != part.run {
                return Ok(None);
            }
            if part
                .keys
                .iter()
                .any(|key| self.keys.session_of(key).is_some())
            {
                return Ok(Some(true));
            }
            place = place.after(part);
        }
        Ok((place.server >= servers.len()).then_some(false))
    }

    /// The live sessions of an issuer whose keys are in this part.
    async fn live_of(
        &self,
        part: &Part,
        issuer: &str,
    ) -> Result<BTreeMap<SessionId, Record>, StoreError> {
        let ids = part.keys.iter().filter_map(|key| self.keys.session_of(key));
        let records = self.load_each(&ids.collect::<Vec<_>>()).await?;
        let records = records.into_iter().flatten();
        let live = records
            .filter(|record| record.session.issuer == issuer && record.is_live(part.now))
            .map(|record| (record.session.id, record));
        Ok(live.collect())
    }
}

fn page(
    records: BTreeMap<SessionId, Record>,
    next: Option<Cursor>,
    now: Timestamp,
) -> Result<ListedAll, StoreError> {
    Ok(ListedAll::new(records.into_values().collect(), next, now))
}

impl Place {
    fn beginning(server: usize) -> Self {
        Self {
            server,
            run: String::new(),
            from: 0,
        }
    }

    /// The place after this part, which may be that of a server beyond the last one.
    fn after(self, part: Part) -> Self {
        match part.next {
            0 => Self::beginning(self.server + 1),
            from => Self {
                server: self.server,
                run: part.run,
                from,
            },
        }
    }

    fn read(cursor: &Cursor, slots: u32) -> Option<Self> {
        let parts: Vec<_> = cursor.as_str().split('.').collect();
        let [of, server, run, from] = parts.try_into().ok()?;
        let (server, from) = (server.parse().ok()?, from.parse().ok()?);
        (of == number(slots)).then(|| Self {
            server,
            run: run.to_owned(),
            from,
        })
    }

    fn written(&self, slots: u32) -> Result<Cursor, StoreError> {
        let Self { server, run, from } = self;
        format!("{}.{server}.{run}.{from}", number(slots)).try_into()
    }
}

fn number(slots: u32) -> String {
    format!("{slots:08x}")
}
