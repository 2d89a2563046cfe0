//! What a resource server tells clients that do not know it: its metadata, and what a challenge says of
//! them, of the user's authentication and of the application.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod actor;
mod challenges;
mod document;
mod layered;
mod parameters;
mod step_up;

use std::convert::Infallible;

use http::{HeaderMap, Method, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_bearer::{VerifiedToken, bearer::BearerLayer, resource::ProtectedResource};

const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    #[track_caller]
    fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.body);
        self
    }

    /// The one value of a header; empty where there is none.
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name} is repeated");
        values.first().map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn challenges(&self, expected: &[&str]) {
        let lines = self.headers.get_all(WWW_AUTHENTICATE).iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines, expected);
    }
}

async fn ask<S, B, ResB>(service: S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<ResB>, Error = Infallible>,
    ResB: http_body::Body<Error = Infallible>,
{
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// What the layer answers to a request that it refuses, or `inside` with 200.
async fn through(layer: BearerLayer, request: Request<()>) -> Answer {
    let inside =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new("inside".to_owned())));
    ask(layer.layer(inside), request).await
}

/// What a handler behind the layer answers, which refuses tokens by itself.
async fn handled<F>(layer: BearerLayer, request: Request<()>, handler: F) -> Answer
where
    F: Fn(&VerifiedToken) -> Result<(), tower_bearer::bearer::Rejection> + Clone,
{
    let inner = service_fn(move |request: Request<()>| {
        let token = VerifiedToken::from_extensions(request.extensions());
        let answer = match token.and_then(&handler) {
            Ok(()) => Response::default(),
            Err(rejection) => rejection.to_response(),
        };
        async { Ok::<_, Infallible>(answer.map(http_body_util::Full::new)) }
    });
    ask(layer.layer(inner), request).await
}

fn resource() -> ProtectedResource {
    ProtectedResource::new("https://api.example").unwrap()
}

fn request(method: Method, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(path);
    request.body(()).unwrap()
}

fn get(path: &str) -> Request<()> {
    request(Method::GET, path)
}
