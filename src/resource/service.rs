use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ALLOW,
    },
};
use tower_service::Service;

use super::ProtectedResource;
use crate::{
    reply::{ReplyBody, ReplyFuture, ResponseFuture, method_not_allowed},
    serving::document,
};

const METHODS: &str = "GET, HEAD, OPTIONS";
const ANY: HeaderValue = HeaderValue::from_static("*");

impl ProtectedResource {
    /// The answer to a request, whatever its path.
    pub(super) fn respond<B>(&self, request: &Request<B>) -> ReplyFuture {
        let mut response = match *request.method() {
            Method::GET | Method::HEAD => {
                document::respond(request, self.cached_for(), || self.json())
            }
            Method::OPTIONS => preflight(),
            _ => method_not_allowed(request.method(), METHODS),
        };
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        ReplyFuture::ready(response)
    }
}

/// What a browser asks before a page of another origin may send headers of its own, as MCP clients do
/// with `MCP-Protocol-Version`.
fn preflight() -> Response<ReplyBody> {
    const DAY: HeaderValue = HeaderValue::from_static("86400");
    let methods = HeaderValue::from_static(METHODS);
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, methods.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ANY);
    headers.insert(ACCESS_CONTROL_MAX_AGE, DAY);
    response
}

impl<B> Service<Request<B>> for ProtectedResource {
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.respond(&request).into()
    }
}
