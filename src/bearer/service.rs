use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    Body, Live, NoEndpoints, NoLiveCheck, Rejection, ResponseFuture, Serve,
    future::Check,
    policy::{Policy, Verdict},
};

/// Checks the access token of each request before the inner service sees it. Made by
/// [`BearerLayer`](super::BearerLayer); see [the policy](super).
#[derive(Clone, Debug)]
pub struct Bearer<S, E = NoEndpoints, L = NoLiveCheck> {
    inner: S,
    policy: Arc<Policy>,
    endpoints: E,
    live: L,
}

impl<S, E, L> Bearer<S, E, L> {
    pub(super) fn new(inner: S, policy: Arc<Policy>, endpoints: E, live: L) -> Self {
        Self {
            inner,
            policy,
            endpoints,
            live,
        }
    }

    /// The inner service. What is sent to it goes past the check.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. What is sent to it goes past the check.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the check.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, E, L, ReqB, ResB> Service<Request<ReqB>> for Bearer<S, E, L>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    E: Serve<ReqB>,
    L: Live<S>,
{
    type Response = Response<Body<ResB>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, E::Future, S, Request<ReqB>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let recalled = self.policy.recall(request.headers_mut());
        let mut request = match self.endpoints.serve(request) {
            Ok(answer) => return ResponseFuture::served(answer),
            Err(request) => request,
        };
        match self.policy.judge(recalled, &request) {
            Ok(Verdict::Pass(token)) => {
                self.policy.admit(request.extensions_mut(), token);
                ResponseFuture::inner(self.inner.call(request))
            }
            Ok(Verdict::AskLive(token, live)) => match self.live.take(&mut self.inner) {
                Some(inner) => ResponseFuture::checking(Check {
                    live,
                    inner,
                    request,
                    token,
                    policy: Arc::clone(&self.policy),
                }),
                None => self.refuse(Rejection::unavailable(), &request),
            },
            Err(rejection) => self.refuse(rejection, &request),
        }
    }
}

impl<S, E, L> Bearer<S, E, L> {
    fn refuse<F, EF, ReqB>(
        &self,
        rejection: Rejection,
        request: &Request<ReqB>,
    ) -> ResponseFuture<F, EF, S, Request<ReqB>> {
        ResponseFuture::rejected(self.policy.refuse(rejection, request))
    }
}
