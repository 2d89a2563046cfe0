use std::{error::Error as StdError, fmt, future::poll_fn};

use tower_service::Service;

use super::{StoreRequest, StoreResponse};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    error::BoxError,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, StoreErrorKind, Swap,
    },
};

/// A store that sends each call to a Tower service. See the [module](self::super).
///
/// The service must be `Clone`, `Send` and `Sync`. Put a service that is not into a
/// `tower::buffer::Buffer`. To hide the service's type, put it into a
/// `tower::util::BoxCloneSyncService`.
///
/// Each call clones the service and waits until the clone is ready. The layers and
/// [`store_timeout`](crate::session::SessionsBuilder::store_timeout) limit how long it waits.
#[derive(Clone)]
pub struct ServiceStore<S> {
    service: S,
    kind_of: fn(&(dyn StdError + 'static)) -> StoreErrorKind,
}

impl<S> ServiceStore<S> {
    /// A store that sends each call to `service`.
    pub fn new(service: S) -> Self {
        Self {
            service,
            kind_of: |_| StoreErrorKind::Unavailable,
        }
    }

    /// Sets the function that tells the kind of an error that a layer has made. Without it, such
    /// an error is [`Unavailable`](StoreErrorKind::Unavailable).
    ///
    /// A [`StoreError`], also one inside a layer's error, keeps its kind.
    #[must_use]
    pub fn classify_errors(
        mut self,
        kind_of: fn(&(dyn StdError + 'static)) -> StoreErrorKind,
    ) -> Self {
        self.kind_of = kind_of;
        self
    }
}

/// The service gave the answer to another call than the one that was made.
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

    /// Finds the store's own error, which a layer may have wrapped in another one.
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
        match self.call(StoreRequest::Insert { record }).await? {
            StoreResponse::Inserted => Ok(()),
            _ => mismatched("insert"),
        }
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        match self.call(StoreRequest::Load { id }).await? {
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
        match self
            .call(StoreRequest::Confirm {
                pairs: pairs.to_vec(),
            })
            .await?
        {
            StoreResponse::Confirmed => Ok(()),
            _ => mismatched("confirm"),
        }
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        match self.call(StoreRequest::End { id, reason }).await? {
            StoreResponse::Ended(ended) => Ok(ended),
            _ => mismatched("end"),
        }
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let request = StoreRequest::EndAll {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            keep,
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
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let request = StoreRequest::List {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            before,
            limit,
        };
        match self.call(request).await? {
            StoreResponse::Listed(listed) => Ok(listed),
            _ => mismatched("list"),
        }
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let request = StoreRequest::ListAll {
            issuer: issuer.to_owned(),
            after: after.cloned(),
            limit,
        };
        match self.call(request).await? {
            StoreResponse::ListedAll(listed) => Ok(listed),
            _ => mismatched("list_all"),
        }
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let request = StoreRequest::EndedSince {
            since,
            after,
            limit,
        };
        match self.call(request).await? {
            StoreResponse::EndedSince(ended) => Ok(ended),
            _ => mismatched("ended_since"),
        }
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        match self.call(StoreRequest::DeleteExpired { limit }).await? {
            StoreResponse::Deleted(deleted) => Ok(deleted),
            _ => mismatched("delete_expired"),
        }
    }
}

/// Does not show the service, whose `Debug` may contain secrets.
impl<S> fmt::Debug for ServiceStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceStore").finish_non_exhaustive()
    }
}
