use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use pin_project_lite::pin_project;

use crate::{body::Body, reply::ReplyFuture};

pin_project! {
    /// The response future of [`WithEndpoints`](super::WithEndpoints): it gives the response of an
    /// endpoint or of the inner service.
    pub struct WithEndpointsFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F> {
        Own { answer: ReplyFuture },
        Inner { #[pin] future: F },
    }
}

impl<F> WithEndpointsFuture<F> {
    pub(super) fn own(answer: ReplyFuture) -> Self {
        Self {
            kind: Kind::Own { answer },
        }
    }

    pub(super) fn inner(future: F) -> Self {
        Self {
            kind: Kind::Inner { future },
        }
    }
}

impl<F, B, E> Future for WithEndpointsFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Body<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Own { answer } => Pin::new(answer)
                .poll(cx)
                .map(|answer| Ok(answer.map(Body::reply))),
            KindProj::Inner { future } => future.poll(cx).map_ok(|answer| answer.map(Body::inner)),
        }
    }
}

impl<F> fmt::Debug for WithEndpointsFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithEndpointsFuture")
            .finish_non_exhaustive()
    }
}
