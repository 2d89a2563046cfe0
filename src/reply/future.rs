//! The futures of answers that are made here.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;

use super::ReplyBody;

/// The future of an endpoint's response, for any error type.
pub(crate) struct ReplyFuture(Inner);

#[cfg_attr(not(feature = "session"), allow(dead_code))] // only sessions have to be waited for
enum Inner {
    Ready(Option<Response<ReplyBody>>),
    // The allocation costs little beside the round trip to the store.
    Boxed(Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>),
}

impl ReplyFuture {
    pub(crate) fn ready(response: Response<ReplyBody>) -> Self {
        Self(Inner::Ready(Some(response)))
    }

    #[cfg(feature = "session")]
    pub(crate) fn boxed(
        future: impl Future<Output = Response<ReplyBody>> + Send + 'static,
    ) -> Self {
        Self(Inner::Boxed(Box::pin(future)))
    }
}

impl Future for ReplyFuture {
    type Output = Response<ReplyBody>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Ready(response) => response.take().map_or(Poll::Pending, Poll::Ready),
            Inner::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for ReplyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyFuture").finish_non_exhaustive()
    }
}

/// The response future of an endpoint that is a service of its own.
#[derive(Debug)]
pub struct ResponseFuture(ReplyFuture);

impl From<ReplyFuture> for ResponseFuture {
    fn from(future: ReplyFuture) -> Self {
        Self(future)
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<ReplyBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}
