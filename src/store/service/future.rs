use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::StoreResponse;
use crate::store::StoreError;

type Answer = Result<StoreResponse, StoreError>;

/// The response future of a [`StoreService`](super::StoreService).
pub struct ResponseFuture {
    // Boxed, since the futures of a store have types that cannot be named.
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl ResponseFuture {
    pub(super) fn new(answer: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self {
            answer: Box::pin(answer),
        }
    }
}

impl Future for ResponseFuture {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.answer.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
