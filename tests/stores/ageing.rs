//! Stores in memory that behave as those on servers do: their clock runs and is moved, never
//! held and never turned back, and sessions go by themselves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use tower_bearer::{
    SessionId,
    clock::{Clock, SystemClock, Timestamp},
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, MemoryStore, Record, SessionState,
        SessionStore, StoreError, Swap,
    },
};
use tower_bearer_conformance::Fixture;

/// The system's clock, ahead by some milliseconds.
#[derive(Clone, Default)]
struct RunningClock(Arc<AtomicU64>);

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_millis(self.0.load(SeqCst))
    }
}

pub(crate) struct OnAServer<St> {
    store: St,
    clock: RunningClock,
    deletes_by_itself: bool,
}

pub(crate) async fn with_a_running_clock() -> OnAServer<MemoryStore> {
    let clock = RunningClock::default();
    OnAServer {
        store: MemoryStore::with_clock(clock.clone()),
        clock,
        deletes_by_itself: false,
    }
}

pub(crate) async fn with_a_time_to_live() -> OnAServer<Forgetful<MemoryStore>> {
    let OnAServer { store, clock, .. } = with_a_running_clock().await;
    OnAServer {
        store: Forgetful(store),
        clock,
        deletes_by_itself: true,
    }
}

impl<St: SessionStore + Clone> Fixture for OnAServer<St> {
    type Store = St;

    fn store(&self) -> &St {
        &self.store
    }

    async fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.clock.0.fetch_add(millis, SeqCst);
    }

    fn deletes_by_itself(&self) -> bool {
        self.deletes_by_itself
    }

    fn histories(&self) -> u32 {
        300
    }
}

/// Nobody ever sees a session in it that has ended.
#[derive(Clone)]
pub(crate) struct Forgetful<St>(pub(crate) St);

impl<St: SessionStore> Forgetful<St> {
    async fn forget(&self) -> Result<&St, StoreError> {
        self.0.delete_expired(usize::MAX).await?;
        Ok(&self.0)
    }
}

impl<St: SessionStore> SessionStore for Forgetful<St> {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.0.now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.forget().await?.insert(record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        self.forget().await?.load(id).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        self.forget().await?.swap(id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.forget().await?.confirm(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.forget().await?.end(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let store = self.forget().await?;
        store.end_all(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let store = self.forget().await?;
        store.list(issuer, subject, before, limit).await
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        self.forget().await?.list_all(issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.forget().await?.ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, _limit: usize) -> Result<usize, StoreError> {
        self.forget().await?;
        Ok(0)
    }
}
