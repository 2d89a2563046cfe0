//! How long an operation waits for the store, and what goes on without it.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use super::{SessionError, SessionErrorKind, Sessions};
use crate::store::{SessionStore, StoreError, StoreErrorKind};

/// How many store timeouts a write may take that goes on without its caller.
const PATIENCE: u32 = 10;

impl<St: SessionStore> Sessions<St> {
    /// Does to its end what must not stop half way: a write, and what this process and the
    /// application have to learn of it. The caller may be cancelled or give up waiting.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> Result<T, SessionError> {
        let patience = self.0.store_timeout.saturating_mul(PATIENCE);
        let work = tokio::spawn(tokio::time::timeout(patience, work));
        match tokio::time::timeout(self.0.store_timeout, work).await {
            Ok(Ok(Ok(done))) => done,
            Ok(Ok(Err(_))) => Err(StoreError::new(StoreErrorKind::Timeout).into()),
            Ok(Err(error)) => Err(SessionError::with_source(
                SessionErrorKind::Unavailable,
                error,
            )),
            Err(_) => Err(StoreError::new(StoreErrorKind::Timeout).into()),
        }
    }
}

/// A store operation under a timeout. One that is done at once needs no timer.
pub(super) async fn within<T>(
    timeout: Duration,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let (mut operation, mut timer) = (pin!(operation), pin!(None));
    let in_time = poll_fn(|context| {
        if let Poll::Ready(result) = operation.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if timer.is_none() {
            timer.set(Some(tokio::time::sleep(timeout)));
        }
        let timer = timer.as_mut().as_pin_mut();
        let elapsed = timer.map_or(Poll::Pending, |timer| timer.poll(context));
        elapsed.map(|()| Err(StoreError::new(StoreErrorKind::Timeout)))
    });
    in_time.await
}
