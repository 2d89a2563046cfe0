use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    CloneBody, Replay, RequestError, ResponseFuture,
    core::Acquired,
    future::{Parked, Sent},
    layer::Policy,
};
use crate::trace;

/// Sends requests with an access token. Made by [`RefreshLayer`](super::RefreshLayer); see
/// [the policy](super).
#[derive(Clone, Debug)]
pub struct RefreshService<S, R = CloneBody> {
    inner: S,
    policy: Arc<Policy>,
    replay: R,
}

impl<S, R> RefreshService<S, R> {
    pub(super) fn new(inner: S, policy: Arc<Policy>, replay: R) -> Self {
        Self {
            inner,
            policy,
            replay,
        }
    }

    /// The inner service. What is sent to it goes without a token.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. What is sent to it goes without a token.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, B, ResB> Service<Request<B>> for RefreshService<S, R>
where
    S: Service<Request<B>, Response = Response<ResB>> + Clone,
    R: Replay<B>,
{
    type Response = Response<ResB>;
    type Error = RequestError<S::Error>;
    type Future = ResponseFuture<S::Future, S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(RequestError::Inner)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if !self.policy.is_ours(&request) {
            trace::debug!(
                "a request passes without the token: it goes to another origin than the \
                 configured ones, or brings credentials of its own"
            );
            return ResponseFuture::last(self.inner.call(request));
        }
        let spare = self.copy(&request);
        let policy = Arc::clone(&self.policy);
        match policy.session.acquire(None) {
            Acquired::Now(access) => {
                access.attach(request.headers_mut());
                let future = self.inner.call(request);
                let spare = spare.map(|spare| (self.inner.clone(), spare));
                let sent = Sent {
                    policy,
                    access,
                    spare,
                };
                ResponseFuture::sent(future, sent)
            }
            Acquired::Later(token) => {
                // What the instance has reserved when it was polled ready, a place among few or in
                // a queue, is given back: the refresh may need it. The request is to be ready again
                // once it has its token.
                let service = self.inner.clone();
                self.inner = service.clone();
                let parked = Parked {
                    service,
                    request,
                    first: Some((policy, spare)),
                };
                ResponseFuture::waiting(token, parked)
            }
            Acquired::Never(error) => ResponseFuture::failed(error),
        }
    }
}

impl<S, R> RefreshService<S, R> {
    /// The request once more, if its body can be had.
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
