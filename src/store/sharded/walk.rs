//! The list of all sessions: shard after shard, in the order in which sessions move.

use super::{
    ShardedStore,
    layout::{Role, Shard},
    rendezvous,
    seal::{is_sealed, unsealed},
};
use crate::store::{Cursor, ListedAll, SessionStore, StoreError, StoreErrorKind};

/// A place in the list: a shard, and one in its own list.
struct Place {
    /// The number of the shard in the order of the walk.
    shard: usize,
    after: Option<Cursor>,
}

impl ShardedStore {
    /// A page is of one shard. A session that moves goes to a shard that comes later, so that it is not
    /// missed; it may be given at both.
    pub(super) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let (order, set) = self.order();
        let place = match after {
            None => Place::first(),
            Some(cursor) => Place::read(cursor, set).ok_or(StoreErrorKind::Cursor)?,
        };
        let shard = order.get(place.shard).ok_or(StoreErrorKind::Cursor)?;
        let page = shard.store.list_all(issuer, place.after.as_ref(), limit);
        let ListedAll { records, next, now } = page.await?;
        let mut live = Vec::with_capacity(records.len());
        for record in records {
            let id = record.session.id;
            let counts = match is_sealed(&record.state) {
                true => self.is_on_the_way(id).await?,
                false => self.may_have(shard, id),
            };
            if counts {
                live.push(unsealed(record));
            }
        }
        let next = match next {
            Some(after) => Some(Place {
                shard: place.shard,
                after: Some(after),
            }),
            None if place.shard + 1 < order.len() => Some(Place {
                shard: place.shard + 1,
                after: None,
            }),
            None => None,
        };
        let next = next.map(|next| next.written(set)).transpose()?;
        Ok(ListedAll::new(live, next, now))
    }

    /// The shards in an order that all servers have, and a number for it: where it is another one, a
    /// cursor leads nowhere.
    fn order(&self) -> (Vec<&Shard>, u32) {
        let mut order: Vec<_> = self.0.shards().iter().collect();
        order.sort_by(|one, other| (one.role, &one.name).cmp(&(other.role, &other.name)));
        let names = order.iter().map(|shard| match shard.role {
            Role::Leaves => format!("-{}", shard.name),
            Role::Stays => format!("={}", shard.name),
            Role::Joins => format!("+{}", shard.name),
        });
        let names: Vec<_> = names.collect();
        let set = rendezvous::of_all(names.iter().map(String::as_str));
        (order, set)
    }
}

impl Place {
    fn first() -> Self {
        Self {
            shard: 0,
            after: None,
        }
    }

    /// Reads the number of the order, that of the shard and the shard's own cursor, which is empty at its
    /// beginning.
    fn read(cursor: &Cursor, set: u32) -> Option<Self> {
        let (order, rest) = cursor.as_str().split_once('.')?;
        let (shard, after) = rest.split_once('.')?;
        let after = match after {
            "" => None,
            after => Some(after.parse().ok()?),
        };
        let shard = shard.parse().ok()?;
        (order == number(set)).then_some(Self { shard, after })
    }

    fn written(&self, set: u32) -> Result<Cursor, StoreError> {
        let after = self.after.as_ref().map_or("", Cursor::as_str);
        format!("{}.{}.{after}", number(set), self.shard).try_into()
    }
}

fn number(set: u32) -> String {
    format!("{set:08x}")
}
