use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{challenge::Blame, dpop, held::Access, rules::Rules};

/// The access token of a gRPC answer whose status is still to come.
pub(crate) struct Watch {
    pub(crate) rules: Arc<Rules>,
    pub(crate) access: Arc<Access>,
    pub(crate) proof: Option<dpop::Sent>,
}

impl Watch {
    /// The answer has begun, so the call is not repeated. The next one finds a new token, and the
    /// nonce and the time for its proof.
    fn see(self, trailers: &HeaderMap) {
        let session = &self.rules.session;
        if let Some(proof) = &self.proof {
            session.shared().dpop.hear(proof, trailers);
        }
        match self.rules.blame_in_grpc(trailers, self.proof.is_some()) {
            Some(Blame::Token) => {
                let _ = session.acquire(Some(&self.access.token));
            }
            Some(Blame::Proof(flaw)) => {
                let proof = self.proof.as_ref();
                proof.map(|proof| self.rules.can_mend(flaw, proof, trailers));
            }
            None => {}
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

pin_project! {
    /// The body of a response of [`Refresh`](crate::Refresh): that of the inner service, unchanged.
    ///
    /// The layer looks at the trailers of gRPC responses as they pass, because they may say that
    /// the access token is refused. It looks at nothing of other responses.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        watch: Option<Watch>,
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn unwatched(inner: B) -> Self {
        Self { inner, watch: None }
    }

    pub(crate) fn watched(inner: B, watch: Watch) -> Self {
        let watch = Some(watch);
        Self { inner, watch }
    }

    /// The body of the inner service. Its trailers are no longer looked at.
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let body = self.project();
        let polled = body.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
            && let Some(watch) = body.watch.take()
        {
            watch.see(trailers);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
