use std::{
    error::Error as StdError,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::endpoints::Endpoints;
use crate::{
    body::Body,
    serving::LayeredFuture,
    store::{AnyStore, SessionStore},
};

/// The service that answers requests to the endpoints and passes all others on to the inner
/// service. The layer [`Endpoints`] makes it.
pub struct WithEndpoints<S, St = AnyStore> {
    inner: S,
    endpoints: Arc<Endpoints<St>>,
}

impl<S, St> WithEndpoints<S, St> {
    pub(super) fn new(inner: S, endpoints: Endpoints<St>) -> Self {
        Self {
            inner,
            endpoints: Arc::new(endpoints),
        }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service and drops the endpoints.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, St, ReqB, ResB> Service<Request<ReqB>> for WithEndpoints<S, St>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    St: SessionStore,
    ReqB: http_body::Body + Send + 'static,
    ReqB::Data: Send,
    ReqB::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body<ResB>>;
    type Error = S::Error;
    type Future = LayeredFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        match self.endpoints.answer(request) {
            Ok(answer) => LayeredFuture::own(answer),
            Err(request) => LayeredFuture::inner(self.inner.call(request)),
        }
    }
}

impl<S: Clone, St> Clone for WithEndpoints<S, St> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            endpoints: Arc::clone(&self.endpoints),
        }
    }
}

impl<S: fmt::Debug, St> fmt::Debug for WithEndpoints<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithEndpoints")
            .field("inner", &self.inner)
            .field("endpoints", &self.endpoints)
            .finish()
    }
}
