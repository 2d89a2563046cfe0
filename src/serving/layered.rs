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
    /// The response future of a layer that answers at paths of its own: it gives that answer, or the
    /// response of the inner service.
    pub struct LayeredFuture<F> {
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

impl<F> LayeredFuture<F> {
    pub(crate) fn own(answer: ReplyFuture) -> Self {
        Self {
            kind: Kind::Own { answer },
        }
    }

    pub(crate) fn inner(future: F) -> Self {
        Self {
            kind: Kind::Inner { future },
        }
    }
}

impl<F, B, E> Future for LayeredFuture<F>
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

impl<F> fmt::Debug for LayeredFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayeredFuture").finish_non_exhaustive()
    }
}
