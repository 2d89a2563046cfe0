//! Futures of which the first one counts.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Poll,
};

/// What the first of two futures gives that is ready. If both are, it is `one`.
pub(super) async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(given) => Poll::Ready(given),
        Poll::Pending => other.as_mut().poll(context),
    })
    .await
}

/// Never ready if there is no future.
pub(super) async fn or_never<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
