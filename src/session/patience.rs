//! Timeouts of store operations, and writes that go on without their caller.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use super::{SessionError, SessionErrorKind, Sessions};
use crate::{
    store::{SessionStore, StoreError, StoreErrorKind},
    trace,
};

/// The time limit of a write that goes on without its caller, in store timeouts.
pub(super) const PATIENCE: u32 = 10;

impl<St: SessionStore> Sessions<St> {
    /// Runs work that must not stop half-way in a task of its own: a write, and telling this
    /// process and the application of it. It goes on if the caller is cancelled or gives up
    /// waiting. What it logs belongs to the span of the caller.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> Result<T, SessionError> {
        let patience = self.0.store_timeout.saturating_mul(PATIENCE);
        let work = tokio::spawn(trace::in_current_span(tokio::time::timeout(patience, work)));
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

/// Runs a store operation with a timeout. The timer is made only if the operation is not done at
/// once.
pub(crate) async fn within<T>(
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
