use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::ProtectedResource;
use crate::{body::Body, serving::LayeredFuture};

/// The service that answers requests to the path of the metadata, and passes all others on to the inner
/// service. The layer [`ProtectedResource`] makes it.
#[derive(Clone, Debug)]
pub struct WithResource<S> {
    inner: S,
    resource: ProtectedResource,
}

impl<S> WithResource<S> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service and drops the metadata.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S> Layer<S> for ProtectedResource {
    type Service = WithResource<S>;

    fn layer(&self, inner: S) -> WithResource<S> {
        WithResource {
            inner,
            resource: self.clone(),
        }
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for WithResource<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
{
    type Response = Response<Body<ResB>>;
    type Error = S::Error;
    type Future = LayeredFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        match request.uri().path() == self.resource.path() {
            true => LayeredFuture::own(self.resource.respond(&request)),
            false => LayeredFuture::inner(self.inner.call(request)),
        }
    }
}
