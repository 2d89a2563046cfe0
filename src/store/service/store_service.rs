use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use super::{ResponseFuture, StoreRequest, StoreResponse};
use crate::store::{SessionStore, StoreError};

/// A Tower service that passes each [`StoreRequest`] on to a store. See the
/// [module](self::super).
///
/// It is always ready. Clones share the store.
pub struct StoreService<St> {
    store: Arc<St>,
}

impl<St: SessionStore> StoreService<St> {
    /// A service that passes requests on to `store`.
    pub fn new(store: St) -> Self {
        Self {
            store: Arc::new(store),
        }
    }
}

impl<St: SessionStore> Service<StoreRequest> for StoreService<St> {
    type Response = StoreResponse;
    type Error = StoreError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StoreError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: StoreRequest) -> ResponseFuture {
        let store = Arc::clone(&self.store);
        ResponseFuture::new(async move { answer(&*store, request).await })
    }
}

async fn answer(
    store: &impl SessionStore,
    request: StoreRequest,
) -> Result<StoreResponse, StoreError> {
    Ok(match request {
        StoreRequest::Now => StoreResponse::Now(store.now().await?),
        StoreRequest::Insert { record } => {
            store.insert(&record).await?;
            StoreResponse::Inserted
        }
        StoreRequest::Load { id } => StoreResponse::Loaded(Box::new(store.load(id).await?)),
        StoreRequest::Swap { id, expected, next } => {
            StoreResponse::Swapped(store.swap(id, expected, &next).await?)
        }
        StoreRequest::Confirm { pairs } => {
            store.confirm(&pairs).await?;
            StoreResponse::Confirmed
        }
        StoreRequest::End { id, reason } => StoreResponse::Ended(store.end(id, reason).await?),
        StoreRequest::EndAll {
            issuer,
            subject,
            keep,
            reason,
        } => StoreResponse::EndedAll(store.end_all(&issuer, &subject, keep, reason).await?),
        StoreRequest::List {
            issuer,
            subject,
            before,
            limit,
        } => StoreResponse::Listed(store.list(&issuer, &subject, before, limit).await?),
        StoreRequest::ListAll {
            issuer,
            after,
            limit,
        } => StoreResponse::ListedAll(store.list_all(&issuer, after.as_ref(), limit).await?),
        StoreRequest::EndedSince {
            since,
            after,
            limit,
        } => StoreResponse::EndedSince(store.ended_since(since, after, limit).await?),
        StoreRequest::DeleteExpired { limit } => {
            StoreResponse::Deleted(store.delete_expired(limit).await?)
        }
    })
}

impl<St> Clone for StoreService<St> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
        }
    }
}

impl<St> fmt::Debug for StoreService<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreService").finish_non_exhaustive()
    }
}
