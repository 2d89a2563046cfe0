//! [`ClockedStore`]: a store by a clock that a test can turn.

mod moved;

use std::{fmt, sync::Arc};

use moved::Moved;

use crate::{
    claims::SessionId,
    clock::{Clock, Timestamp},
    store::{
        Cursor, EndReason, Ended, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, Swap,
    },
};

/// How many sessions are read at once where only some of them are live.
const PAGE: usize = 256;

/// Any store, by a clock of the test's own: also one that takes the time from its database.
///
/// A store on a server compares the times of a session with the server's clock, which a test cannot turn.
/// This wrapper lets it do no such thing: it writes all times a thousand years later than they are, so that to
/// the server every session is new and live. What depends on the time is then decided here, by the clock of the
/// test. The rows, the constraints and each compare-and-swap are the store's own.
///
/// | call | what it asks of the store |
/// | --- | --- |
/// | [`now`](SessionStore::now) | nothing |
/// | [`insert`](SessionStore::insert), [`load`](SessionStore::load), [`list`](SessionStore::list), [`list_all`](SessionStore::list_all), [`ended_since`](SessionStore::ended_since) | the same |
/// | [`swap`](SessionStore::swap) | the same, after a load |
/// | [`confirm`](SessionStore::confirm), [`end`](SessionStore::end) | a load and a swap that writes the time of this clock, again if another writer was quicker |
/// | [`end_all`](SessionStore::end_all) | a list, and the end of each |
/// | [`delete_expired`](SessionStore::delete_expired) | nothing: a session whose `ends_at` has come is not seen any more |
///
/// So this is for tests of an application, and not for those of a store: the store's own statements for
/// `confirm`, `end`, `end_all` and `delete_expired` do not run. Rows stay in the database until the test
/// drops it, and the identifier of a session that has come to its end is not free again. If the clock is turned
/// back behind its end, it is there again. Nothing else may write to these tables, and all servers of a test
/// share the clock.
///
/// A [`FailingStore`](super::FailingStore) belongs around this store and not inside of it: there it would count and fail
/// the calls of the table, and not those of the application. `end_all` gives up at the first error, and some of
/// the sessions may be ended by then.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::{
///     clock::{Clock, ManualClock, SystemClock},
///     session::{Grant, RefreshKey, RefreshRequest, Sessions},
///     store::{MemoryStore, SessionStore},
///     testing::{ClockedStore, TestIssuer},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let database = MemoryStore::new();
/// // `database` is a `PostgresStore` or any other, which goes by its server's clock.
/// let clock = ManualClock::new(SystemClock.now());
/// let store = ClockedStore::new(database, clock.clone());
/// let issuer = TestIssuer::new().clock(clock.clone());
/// let key = RefreshKey::from_secret([7; 32])?;
/// let sessions = Sessions::builder(issuer.issuer().clone(), key, store).build()?;
///
/// let tokens = sessions.start(Grant::new("alice")).await?;
/// clock.advance(Duration::from_secs(90 * 24 * 60 * 60));
/// let late = sessions.refresh(RefreshRequest::new(tokens.refresh_token)).await;
/// assert!(late.is_err(), "nobody has used the session for so long");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClockedStore<St> {
    store: St,
    clock: Arc<dyn Clock>,
}

impl<St> ClockedStore<St> {
    /// The sessions of `store`, by `clock`. Give the same clock to the verifier, and use a database in which
    /// no other sessions are.
    pub fn new(store: St, clock: impl Clock) -> Self {
        Self {
            store,
            clock: Arc::new(clock),
        }
    }

    /// The store itself, whose times are a thousand years later.
    pub fn inner(&self) -> &St {
        &self.store
    }
}

impl<St: SessionStore> ClockedStore<St> {
    /// A session that has not come to its end.
    async fn find(&self, id: SessionId) -> Result<Option<Record>, StoreError> {
        let record = self.store.load(id).await?.record.map(Moved::back);
        let now = self.clock.now();
        Ok(record.filter(|record| now < record.session.ends_at))
    }

    async fn write(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        self.store.swap(id, expected, &next.clone().ahead()).await
    }

    /// Changes a session that is not ended, until no other writer comes between. The answer is whether
    /// there was anything to change.
    async fn change(
        &self,
        id: SessionId,
        change: impl Fn(&mut SessionState, Timestamp) -> bool + Sync,
    ) -> Result<bool, StoreError> {
        loop {
            let Some(record) = self.find(id).await? else {
                return Ok(false);
            };
            let mut next = record.state.clone();
            next.version = next.version.saturating_add(1);
            if next.ended.is_some() || !change(&mut next, self.clock.now()) {
                return Ok(false);
            }
            if self.write(id, record.state.version, &next).await? == Swap::Swapped {
                return Ok(true);
            }
        }
    }

    /// The sessions of a subject that fit, the highest identifiers first.
    async fn select(
        &self,
        (issuer, subject): (&str, &str),
        mut before: Option<SessionId>,
        limit: usize,
        fits: impl Fn(&Record) -> bool + Send,
    ) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self
                .store
                .list(issuer, subject, before, PAGE)
                .await?
                .records;
            before = page.last().map(|record| record.session.id);
            let is_last = page.len() < PAGE;
            found.extend(page.into_iter().map(Moved::back).filter(&fits));
            if is_last {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl<St: SessionStore> SessionStore for ClockedStore<St> {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.store.insert(&record.clone().ahead()).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let record = self.find(id).await?;
        Ok(Loaded::new(record, self.clock.now()))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        match self.find(id).await? {
            Some(_) => self.write(id, expected, next).await,
            None => Ok(Swap::Lost),
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for &(id, generation) in pairs {
            self.change(id, |state, now| {
                let is_new = state.generation == generation && state.confirmed_at.is_none();
                state.confirmed_at.get_or_insert(now);
                is_new
            })
            .await?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.change(id, |state, now| {
            state.ended = Some(Ended::new(now, reason));
            true
        })
        .await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let all = self.select((issuer, subject), None, usize::MAX, |_| true);
        let mut ended = Vec::new();
        for id in all.await?.into_iter().map(|record| record.session.id) {
            if keep != Some(id) && self.end(id, reason).await? {
                ended.push(id);
            }
        }
        Ok(ended)
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let now = self.clock.now();
        let live = self.select((issuer, subject), before, limit, |record| {
            record.is_live(now)
        });
        Ok(Listed::new(live.await?, now))
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let now = self.clock.now();
        let ListedAll { records, next, .. } = self.store.list_all(issuer, after, limit).await?;
        let records = records.into_iter().map(Moved::back);
        let live = records.filter(|record| record.is_live(now)).collect();
        Ok(ListedAll::new(live, next, now))
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let ended = self.store.ended_since(since.ahead(), after, limit).await?;
        Ok(ended.into_iter().map(|(id, at)| (id, at.back())).collect())
    }

    async fn delete_expired(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        self.store.has_sessions().await
    }
}

impl<St: fmt::Debug> fmt::Debug for ClockedStore<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockedStore")
            .field("store", &self.store)
            .field("now", &self.clock.now())
            .finish()
    }
}
