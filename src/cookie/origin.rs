//! Who sends a request that carries a cookie: a page of this origin, or another one (CSRF).

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{
    HeaderName, Method, Request, Response,
    header::{HOST, ORIGIN, UPGRADE},
};
use tower_http::csrf::CsrfLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    error::{ConfigError, ConfigErrorKind},
    trace,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// tower-http's check, asked for its verdict alone: the answer and what follows are ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginCheck(CsrfLayer);

impl OriginCheck {
    pub(super) fn allow(self, origin: &str) -> Result<Self, ConfigError> {
        let fault = || {
            let form = "an allowed origin is scheme://host[:port]";
            ConfigError::new(ConfigErrorKind::Url, form)
        };
        if !is_as_browsers_write_it(origin) {
            return Err(fault());
        }
        match self.0.add_trusted_origin(origin) {
            Ok(layer) => Ok(Self(layer)),
            Err(error) => Err(fault().with_source(error)),
        }
    }

    /// Whether a page of an origin that may do so sends this request, or no page at all.
    pub(crate) fn admits<B>(&self, request: &Request<B>) -> bool {
        let is_admitted = head_of(request).is_some_and(|head| self.passes(head));
        if !is_admitted {
            trace::debug!(
                "a request with a cookie comes from another origin; \
                 proxies must pass Host, Origin and Sec-Fetch-Site on as they are"
            );
        }
        is_admitted
    }

    fn passes(&self, head: Request<()>) -> bool {
        let mut service = self.0.layer(Admitted);
        let answer = pin!(service.call(head));
        // Nothing in it waits.
        let answer = answer.poll(&mut Context::from_waker(Waker::noop()));
        matches!(answer, Poll::Ready(Ok(answer)) if answer.status().is_success())
    }
}

/// Origins are compared byte for byte: one in another form would never match.
fn is_as_browsers_write_it(origin: &str) -> bool {
    let default_port = match origin.split_once("://") {
        Some(("https", _)) => ":443",
        Some(("http", _)) => ":80",
        _ => return false,
    };
    !origin.ends_with(default_port) && !origin.bytes().any(|b| b.is_ascii_uppercase())
}

/// What the check looks at. Nothing where one of the headers is repeated: who goes by the first
/// and who goes by the last would see different pages.
fn head_of<B>(request: &Request<B>) -> Option<Request<()>> {
    let headers = request.headers();
    let mut head = Request::new(());
    *head.uri_mut() = request.uri().clone();
    // A WebSocket opens with a GET, and pages of all origins may open one (RFC 6455 §10.2).
    *head.method_mut() = match headers.contains_key(UPGRADE) {
        true => Method::POST,
        false => request.method().clone(),
    };
    for name in [HOST, ORIGIN, SEC_FETCH_SITE] {
        let mut values = headers.get_all(&name).iter();
        match (values.next(), values.next()) {
            (None, _) => {}
            (Some(value), None) => _ = head.headers_mut().insert(name, value.clone()),
            (Some(_), Some(_)) => return None,
        }
    }
    Some(head)
}

/// What the check protects: the word that the request is admitted.
struct Admitted;

impl Service<Request<()>> for Admitted {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}
