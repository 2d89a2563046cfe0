use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use crate::{
    attempt::{Chances, Pending},
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
    replay: Arc<R>,
}

impl<S, R> Refresh<S, R> {
    pub(crate) fn new(inner: S, rules: Arc<Rules>, replay: R) -> Self {
        Self {
            inner,
            rules,
            replay: Arc::new(replay),
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
    type Future = ResponseFuture<S::Future, S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(RequestError::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.rules.is_ours(&request) {
            trace::debug!(
                "a request passes without the token: it goes to another origin than the \
                 configured ones, or brings credentials of its own"
            );
            return ResponseFuture::last(self.inner.call(request));
        }
        let pending = Pending {
            request,
            rules: Arc::clone(&self.rules),
            replay: Arc::clone(&self.replay),
            chances: Chances::new(),
        };
        match self.rules.session.acquire(None) {
            Acquired::Now(access) => match pending.begin(access) {
                Ok((request, attempt)) => {
                    let future = self.inner.call(request);
                    let service = attempt.has_copy().then(|| self.inner.clone());
                    ResponseFuture::sent(future, Sent { attempt, service })
                }
                Err(error) => ResponseFuture::failed(error),
            },
            Acquired::Later(token) => {
                // A service that was polled ready may have reserved capacity, in a queue or under
                // a limit, which the refresh may need. A clone has reserved nothing, so the ready
                // instance is dropped and the clone is polled ready once the token is there.
                let service = self.inner.clone();
                self.inner = service.clone();
                ResponseFuture::waiting(token, Parked { pending, service })
            }
            Acquired::Never(error) => ResponseFuture::failed(error),
        }
    }
}
