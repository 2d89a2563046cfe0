//! What is on the wire.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::Body as _;
use tests_shared::tokens::{Tokens, authorized, bare, bearer};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Scope,
    bearer::{BearerLayer, Rejection},
};

use crate::clients::Cases;

/// The answer to a request; that it has no body, if it has none, is told by `is_end_stream`.
async fn ask(layer: BearerLayer, request: Request<()>) -> Response<bool> {
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(String::from("inside")))
    });
    let answer = layer.layer(inner).oneshot(request).await.unwrap();
    answer.map(|body| body.is_end_stream())
}

fn grpc(mut request: Request<()>, content_type: &str) -> Request<()> {
    *request.method_mut() = Method::POST;
    let content_type = content_type.parse().unwrap();
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    request
}

fn value<'a>(answer: &'a Response<bool>, name: &str) -> Option<&'a str> {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_grpc_request_is_refused_by_headers_alone() {
    let cases = Cases::new();
    for (content_type, expected) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc"),
        ("application/grpc;charset=utf-8", "application/grpc"),
        ("application/grpc-web+proto", "application/grpc-web"),
        ("application/grpc-web-text", "application/grpc-web-text"),
    ] {
        for case in &cases.refused {
            let request = match &case.authorization {
                Some(value) => authorized(value),
                None => bare(),
            };
            let answer = ask(cases.layer(), grpc(request, content_type)).await;
            let code = case.code.to_string();
            let status = match case.code {
                16 => StatusCode::UNAUTHORIZED,
                7 => StatusCode::FORBIDDEN,
                14 => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            assert_eq!(answer.status(), status, "{}", case.name);
            assert!(answer.body(), "{}: it has a body", case.name);
            assert_eq!(value(&answer, "content-type"), Some(expected));
            assert_eq!(value(&answer, "grpc-status"), Some(&*code), "{}", case.name);
            assert_eq!(value(&answer, "grpc-message"), Some(case.message));
            assert_eq!(value(&answer, "www-authenticate"), case.challenge);
            assert_eq!(value(&answer, "cache-control"), Some("no-store"));
            let retry = (code == "14").then_some(["1", "1000"]);
            let names = ["retry-after", "grpc-retry-pushback-ms"];
            let names = names.map(|name| value(&answer, name));
            assert_eq!(names, retry.map_or([None; 2], |[a, b]| [Some(a), Some(b)]));
        }
    }
}

#[tokio::test]
async fn any_other_request_is_refused_by_its_status() {
    let layer = || BearerLayer::new(Tokens::new().verifier);
    for content_type in ["application/json", "application/grpcx"] {
        let answer = ask(layer(), grpc(bare(), content_type)).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(value(&answer, "grpc-status"), None);
        assert!(!answer.body());
    }
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let mut request = grpc(bare(), "application/grpc");
        *request.method_mut() = method;
        let answer = ask(layer(), request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(value(&answer, "grpc-status"), None);
    }
}

#[tokio::test]
async fn a_hook_answers_grpc_requests_too() {
    let layer = BearerLayer::new(Tokens::new().verifier);
    let own = layer.clone().on_rejection(|rejection, _| {
        let mut response = Response::new(Bytes::from_static(b"own"));
        *response.status_mut() = rejection.code().status();
        response
    });
    let answer = ask(own, grpc(bare(), "application/grpc")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(value(&answer, "grpc-status"), None);

    let same = layer.on_rejection(|rejection, _| {
        let mut response = rejection.to_response();
        let id = http::HeaderValue::from_static("7");
        response.headers_mut().insert("request-id", id);
        response
    });
    let answer = ask(same, grpc(bare(), "application/grpc")).await;
    assert_eq!(value(&answer, "grpc-status"), Some("16"));
    assert_eq!(value(&answer, "request-id"), Some("7"));
}

/// A check of the application's own, after the layer's.
#[test]
fn an_application_answers_in_the_same_form() {
    const ADMIN: Scope = Scope::from_static("admin");
    let request = grpc(bearer("a"), "application/grpc");
    let rejection = Rejection::insufficient_scope(&ADMIN);
    let refused = rejection.clone().to_response();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let refused = rejection
        .for_request(request.method(), request.headers())
        .to_response();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.headers()["grpc-status"], "7");
}
