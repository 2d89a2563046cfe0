use std::sync::{Arc, Mutex};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, Swap,
    },
};

/// A store that records the times that it gives to a server. The server decides by these times,
/// however fast the clock of the store runs.
#[derive(Clone)]
pub(super) struct Tap<St> {
    store: St,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What a store answered to a server.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Time(Timestamp),
    Row(Timestamp),
    Listed(Timestamp, Vec<SessionId>),
}

impl Seen {
    pub(super) fn time(&self) -> Timestamp {
        match self {
            Self::Time(now) | Self::Row(now) | Self::Listed(now, _) => *now,
        }
    }
}

impl<St> Tap<St> {
    pub(super) fn new(store: St) -> Self {
        Self {
            store,
            seen: Arc::default(),
        }
    }

    /// Everything that was recorded since the last call.
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    fn see(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
    }
}

impl<St: SessionStore> SessionStore for Tap<St> {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let now = self.store.now().await?;
        self.see(Seen::Time(now));
        Ok(now)
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.store.insert(record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let loaded = self.store.load(id).await?;
        self.see(Seen::Row(loaded.now));
        Ok(loaded)
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        self.store.swap(id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.store.confirm(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.store.end(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.store.end_all(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let listed = self.store.list(issuer, subject, before, limit).await?;
        let ids = listed
            .records
            .iter()
            .map(|record| record.session.id)
            .collect();
        self.see(Seen::Listed(listed.now, ids));
        Ok(listed)
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        self.store.list_all(issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.store.ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.delete_expired(limit).await
    }
}
