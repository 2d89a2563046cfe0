use std::sync::Arc;

use super::{
    Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore, StoreError,
    Swap,
};
use crate::{claims::SessionId, clock::Timestamp};

/// An `Arc` of a store is a store.
impl<St: SessionStore> SessionStore for Arc<St> {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        St::now(self).await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        St::insert(self, record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        St::load(self, id).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        St::swap(self, id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        St::confirm(self, pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        St::end(self, id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        St::end_all(self, issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        St::list(self, issuer, subject, before, limit).await
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        St::list_all(self, issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        St::ended_since(self, since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        St::delete_expired(self, limit).await
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        St::has_sessions(self).await
    }
}
