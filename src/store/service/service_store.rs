use std::{error::Error as StdError, fmt, future::poll_fn};

use tower_service::Service;

use super::{StoreRequest, StoreResponse};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    error::BoxError,
    store::{
        Listed, Loaded, Record, RevokeReason, SessionState, SessionStore, StoreError,
        StoreErrorKind, Swap,
    },
};

/// A Tower service as a store: see the [module](self::super).
///
/// The service has to be `Clone`, `Send` and `Sync`. One that is not goes behind a
/// `tower::buffer::Buffer`; one whose type is not to be named, into a
/// `tower::util::BoxCloneSyncService`.
///
/// Each call takes a clone of the service and waits until that is ready. How long it may wait
/// is up to [`store_timeout`](crate::session::SessionsBuilder::store_timeout) and to the layers.
#[derive(Clone)]
pub struct ServiceStore<S> {
    service: S,
    kind_of: fn(&(dyn StdError + 'static)) -> StoreErrorKind,
}

impl<S> ServiceStore<S> {
    /// The store that the service is.
    pub fn new(service: S) -> Self {
        Self {
            service,
            kind_of: |_| StoreErrorKind::Unavailable,
        }
    }

    /// Tells what kind of failure the errors are that layers add of their own. Without it they
    /// are [`Unavailable`](StoreErrorKind::Unavailable). A [`StoreError`] stays what it is.
    #[must_use]
    pub fn classify_errors(
        mut self,
        kind_of: fn(&(dyn StdError + 'static)) -> StoreErrorKind,
    ) -> Self {
        self.kind_of = kind_of;
        self
    }
}

/// A service that answers another call than the one that was made.
#[derive(Debug, thiserror::Error)]
#[error("the service of the store answered {0} with something else")]
struct Mismatched(&'static str);

fn mismatched<T>(name: &'static str) -> Result<T, StoreError> {
    let kind = StoreErrorKind::Unavailable;
    Err(StoreError::with_source(kind, Mismatched(name)))
}

impl<S> ServiceStore<S>
where
    S: Service<
            StoreRequest,
            Response = StoreResponse,
            Error: Into<Box<dyn StdError + Send + Sync>>,
        > + Clone,
{
    async fn call(&self, request: StoreRequest) -> Result<StoreResponse, StoreError> {
        let mut service = self.service.clone();
        let failed = |error: S::Error| self.failure(error.into());
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
        service.call(request).await.map_err(failed)
    }

    /// A layer may have put an error of the store into one of its own.
    fn failure(&self, error: BoxError) -> StoreError {
        let error = match error.downcast::<StoreError>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
        while let Some(inner) = cause {
            if let Some(store) = inner.downcast_ref::<StoreError>() {
                let kind = store.kind();
                return StoreError::with_source(kind, error);
            }
            cause = inner.source();
        }
        let kind = (self.kind_of)(error.as_ref());
        StoreError::with_source(kind, error)
    }
}

impl<S> SessionStore for ServiceStore<S>
where
    S: Service<
            StoreRequest,
            Response = StoreResponse,
            Error: Into<Box<dyn StdError + Send + Sync>>,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    async fn now(&self) -> Result<Timestamp, StoreError> {
        match self.call(StoreRequest::Now).await? {
            StoreResponse::Now(now) => Ok(now),
            _ => mismatched("now"),
        }
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let record = Box::new(record.clone());
        match self.call(StoreRequest::Insert(record)).await? {
            StoreResponse::Inserted => Ok(()),
            _ => mismatched("insert"),
        }
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        match self.call(StoreRequest::Load(id)).await? {
            StoreResponse::Loaded(loaded) => Ok(*loaded),
            _ => mismatched("load"),
        }
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        let next = Box::new(next.clone());
        let request = StoreRequest::Swap { id, expected, next };
        match self.call(request).await? {
            StoreResponse::Swapped(swap) => Ok(swap),
            _ => mismatched("swap"),
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        match self.call(StoreRequest::Confirm(pairs.to_vec())).await? {
            StoreResponse::Confirmed => Ok(()),
            _ => mismatched("confirm"),
        }
    }

    async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
        match self.call(StoreRequest::End { id, reason }).await? {
            StoreResponse::Ended(ended) => Ok(ended),
            _ => mismatched("end"),
        }
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let request = StoreRequest::EndAll {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            reason,
        };
        match self.call(request).await? {
            StoreResponse::EndedAll(ended) => Ok(ended),
            _ => mismatched("end_all"),
        }
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let request = StoreRequest::List {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            after,
            limit,
        };
        match self.call(request).await? {
            StoreResponse::Listed(listed) => Ok(listed),
            _ => mismatched("list"),
        }
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        match self.call(StoreRequest::DeleteExpired { limit }).await? {
            StoreResponse::Deleted(deleted) => Ok(deleted),
            _ => mismatched("delete_expired"),
        }
    }
}

/// Without the service, which may say anything.
impl<S> fmt::Debug for ServiceStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceStore").finish_non_exhaustive()
    }
}
