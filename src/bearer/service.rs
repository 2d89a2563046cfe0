use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use crate::body::Body;

use super::{
    future::{Check, ResponseFuture},
    rules::{Judgement, Rules},
};

/// The service that checks the access token of each request before the inner service sees it.
///
/// [`BearerLayer`](super::BearerLayer) makes it. See [the policy](super).
#[derive(Clone, Debug)]
pub struct Bearer<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Bearer<S> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self { inner, rules }
    }

    /// The inner service. Requests that are sent to it directly are not checked.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Requests that are sent to it directly are not checked.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service and drops the check.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Bearer<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
{
    type Response = Response<Body<ResB>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        match self.rules.judge(&mut request) {
            Ok(Judgement::Pass(token, next_nonce)) => {
                self.rules.admit(request.extensions_mut(), token);
                ResponseFuture::inner(self.inner.call(request), next_nonce)
            }
            Ok(Judgement::Wait(waiting)) => {
                // The request needs the instance that was polled ready; a clone may not be ready.
                let clone = self.inner.clone();
                ResponseFuture::checking(Check {
                    waiting,
                    inner: mem::replace(&mut self.inner, clone),
                    request,
                    rules: Arc::clone(&self.rules),
                })
            }
            Err(rejection) => ResponseFuture::rejected(self.rules.refuse(rejection, &request)),
        }
    }
}
