use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use crate::{
    error::RequestError,
    flight::Acquired,
    future::{Parked, ResponseFuture, Sent},
    replay::{CloneBody, Replay},
    response_body::ResponseBody,
    rules::Rules,
    trace,
};

/// Sends requests with an access token. [`RefreshLayer`](crate::RefreshLayer) makes it, and the
/// [front page](crate) says what it does.
#[derive(Clone, Debug)]
pub struct Refresh<S, R = CloneBody> {
    inner: S,
    rules: Arc<Rules>,
    replay: R,
}

impl<S, R> Refresh<S, R> {
    pub(crate) fn new(inner: S, rules: Arc<Rules>, replay: R) -> Self {
        Self {
            inner,
            rules,
            replay,
        }
    }

    /// The inner service. Requests that are sent to it directly get no token.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Requests that are sent to it directly get no token.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, B, ResB> Service<Request<B>> for Refresh<S, R>
where
    S: Service<Request<B>, Response = Response<ResB>> + Clone,
    R: Replay<B>,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = RequestError<S::Error>;
    type Future = ResponseFuture<S::Future, S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(RequestError::Inner)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if !self.rules.is_ours(&request) {
            trace::debug!(
                "a request passes without the token: it goes to another origin than the \
                 configured ones, or brings credentials of its own"
            );
            return ResponseFuture::last(self.inner.call(request));
        }
        let spare = self.copy(&request);
        let rules = Arc::clone(&self.rules);
        match rules.session.acquire(None) {
            Acquired::Now(access) => {
                access.attach(request.headers_mut());
                let future = self.inner.call(request);
                let spare = spare.map(|spare| (self.inner.clone(), spare));
                let sent = Sent {
                    rules,
                    access,
                    spare,
                };
                ResponseFuture::sent(future, sent)
            }
            Acquired::Later(token) => {
                // A service that was polled ready may have reserved capacity, in a queue or under
                // a limit, which the refresh may need. A clone has reserved nothing, so the ready
                // instance is dropped and the clone is polled ready once the token is there.
                let service = self.inner.clone();
                self.inner = service.clone();
                let parked = Parked {
                    service,
                    request,
                    first: Some((rules, spare)),
                };
                ResponseFuture::waiting(token, parked)
            }
            Acquired::Never(error) => ResponseFuture::failed(error),
        }
    }
}

impl<S, R> Refresh<S, R> {
    /// A copy of the request, if its body can be copied.
    fn copy<B>(&self, request: &Request<B>) -> Option<Request<B>>
    where
        R: Replay<B>,
    {
        let mut copy = Request::new(self.replay.copy(request.body())?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}
