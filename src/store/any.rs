//! [`AnyStore`]: a store whose concrete type is hidden.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{
    Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore, StoreError,
    Swap,
};
use crate::{claims::SessionId, clock::Timestamp};

/// Any [`SessionStore`], with its concrete type hidden, so that handlers and layers need not name
/// it. It is cheap to clone; clones share the store.
///
/// [`Sessions::builder`](crate::session::Sessions::builder) wraps the store that it is given in
/// an `AnyStore`. This costs one allocation for each call of the store. Give an `AnyStore` to
/// [`SessionsBuilder::new`](crate::session::SessionsBuilder::new), which does not wrap it again.
///
/// ```
/// use tower_bearer::store::{AnyStore, MemoryStore};
///
/// fn store_for(is_test: bool) -> AnyStore {
///     match is_test {
///         true => AnyStore::new(MemoryStore::new()),
///         false => AnyStore::new(MemoryStore::new()), // or a database
///     }
/// }
/// # store_for(true);
/// ```
#[derive(Clone)]
pub struct AnyStore(Arc<dyn ErasedStore>);

impl AnyStore {
    /// Hides the concrete type of `store`.
    pub fn new(store: impl SessionStore) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyStore").finish_non_exhaustive()
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`SessionStore`] with boxed futures, and so with a `dyn` type.
trait ErasedStore: Send + Sync {
    fn now(&self) -> Answer<'_, Timestamp>;
    fn insert<'a>(&'a self, record: &'a Record) -> Answer<'a, ()>;
    fn load(&self, id: SessionId) -> Answer<'_, Loaded>;
    fn swap<'a>(&'a self, id: SessionId, expected: u64, next: &'a SessionState)
    -> Answer<'a, Swap>;
    fn confirm<'a>(&'a self, pairs: &'a [(SessionId, u32)]) -> Answer<'a, ()>;
    fn end(&self, id: SessionId, reason: EndReason) -> Answer<'_, bool>;
    fn end_all<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Answer<'a, Vec<SessionId>>;
    fn list<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Answer<'a, Listed>;
    fn list_all<'a>(
        &'a self,
        issuer: &'a str,
        after: Option<&'a Cursor>,
        limit: usize,
    ) -> Answer<'a, ListedAll>;
    fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Answer<'_, Vec<(SessionId, Timestamp)>>;
    fn delete_expired(&self, limit: usize) -> Answer<'_, usize>;
    fn has_sessions(&self) -> Answer<'_, Option<bool>>;
}

impl<St: SessionStore> ErasedStore for St {
    fn now(&self) -> Answer<'_, Timestamp> {
        Box::pin(SessionStore::now(self))
    }

    fn insert<'a>(&'a self, record: &'a Record) -> Answer<'a, ()> {
        Box::pin(SessionStore::insert(self, record))
    }

    fn load(&self, id: SessionId) -> Answer<'_, Loaded> {
        Box::pin(SessionStore::load(self, id))
    }

    fn swap<'a>(
        &'a self,
        id: SessionId,
        expected: u64,
        next: &'a SessionState,
    ) -> Answer<'a, Swap> {
        Box::pin(SessionStore::swap(self, id, expected, next))
    }

    fn confirm<'a>(&'a self, pairs: &'a [(SessionId, u32)]) -> Answer<'a, ()> {
        Box::pin(SessionStore::confirm(self, pairs))
    }

    fn end(&self, id: SessionId, reason: EndReason) -> Answer<'_, bool> {
        Box::pin(SessionStore::end(self, id, reason))
    }

    fn end_all<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Answer<'a, Vec<SessionId>> {
        Box::pin(SessionStore::end_all(self, issuer, subject, keep, reason))
    }

    fn list<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Answer<'a, Listed> {
        Box::pin(SessionStore::list(self, issuer, subject, before, limit))
    }

    fn list_all<'a>(
        &'a self,
        issuer: &'a str,
        after: Option<&'a Cursor>,
        limit: usize,
    ) -> Answer<'a, ListedAll> {
        Box::pin(SessionStore::list_all(self, issuer, after, limit))
    }

    fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Answer<'_, Vec<(SessionId, Timestamp)>> {
        Box::pin(SessionStore::ended_since(self, since, after, limit))
    }

    fn delete_expired(&self, limit: usize) -> Answer<'_, usize> {
        Box::pin(SessionStore::delete_expired(self, limit))
    }

    fn has_sessions(&self) -> Answer<'_, Option<bool>> {
        Box::pin(SessionStore::has_sessions(self))
    }
}

impl SessionStore for AnyStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.0.now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.0.insert(record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        self.0.load(id).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        self.0.swap(id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.0.confirm(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.0.end(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.0.end_all(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.0.list(issuer, subject, before, limit).await
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        self.0.list_all(issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.0.ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.0.delete_expired(limit).await
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        self.0.has_sessions().await
    }
}
