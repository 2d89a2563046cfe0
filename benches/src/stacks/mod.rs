//! The same inner service, bare and behind the layers that are compared.
//!
//! Each peer is set up as its documentation says, with what it can prepare prepared once, and
//! checks what it can check of issuer, audience, times and algorithm.

mod jwt_authorizer;
mod tower_http;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use axum::{Router, routing::get};
use axum_07::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use tower::{Layer, Service};
use tower_bearer::{
    Verifier,
    bearer::{BearerLayer, SessionGuard},
};

pub use self::{jwt_authorizer::jwt_authorizer, tower_http::tower_http};

/// Answers 200 at once. Its body is the one that jwt-authorizer's refusals need.
#[derive(Clone, Copy, Debug)]
pub struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

/// A service that gets one request with this `Authorization`, and tells the status.
pub trait Stack: FnMut(Option<&HeaderValue>) -> StatusCode {}

impl<F: FnMut(Option<&HeaderValue>) -> StatusCode> Stack for F {}

/// The inner service alone.
pub fn bare() -> impl Stack + Clone + Send {
    stack(Inner)
}

/// The inner service behind this crate's layer.
pub fn tower_bearer(verifier: Verifier) -> impl Stack + Clone + Send {
    stack(BearerLayer::new(verifier).layer(Inner))
}

/// The same, with a guard that knows which sessions were ended.
pub fn guarded<G: SessionGuard + Clone>(
    verifier: Verifier,
    guard: &G,
) -> impl Stack + Clone + Send + use<G> {
    stack(BearerLayer::new(verifier).sessions(guard).layer(Inner))
}

/// axum with one route.
pub fn axum(app: Router) -> impl Stack {
    stack::<_, axum::body::Body, _>(app)
}

/// An application of one route.
pub fn app() -> Router {
    Router::new().route("/", get(async || "hello"))
}

fn stack<S, ReqB, ResB>(mut service: S) -> impl Stack + Clone + Send
where
    S: Service<Request<ReqB>, Response = Response<ResB>, Error = Infallible> + Clone + Send,
    ReqB: Default,
{
    move |authorization| {
        let mut request = Request::new(ReqB::default());
        if let Some(value) = authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        call(&mut service, request).status()
    }
}

/// No service here ever waits.
pub(crate) fn call<S, ReqB, ResB>(service: &mut S, request: Request<ReqB>) -> Response<ResB>
where
    S: Service<Request<ReqB>, Response = Response<ResB>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut context) else {
        panic!("the service is not ready");
    };
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("the service waits"),
    }
}
