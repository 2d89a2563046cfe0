//! A store that is another one at each call.

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, Swap,
    },
};

/// Asks the function which store a call goes to.
#[derive(Clone)]
pub struct Picking<F>(pub F);

impl<St, F> SessionStore for Picking<F>
where
    St: SessionStore,
    F: Fn() -> St + Send + Sync + 'static,
{
    async fn now(&self) -> Result<Timestamp, StoreError> {
        (self.0)().now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        (self.0)().insert(record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        (self.0)().load(id).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        (self.0)().swap(id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        (self.0)().confirm(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        (self.0)().end(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        (self.0)().end_all(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        (self.0)().list(issuer, subject, before, limit).await
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        (self.0)().list_all(issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        (self.0)().ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        (self.0)().delete_expired(limit).await
    }
}
