//! Any body at the token endpoint, as a form, as JSON or as something else: a 4xx with an error in
//! JSON that no cache keeps.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use libfuzzer_sys::fuzz_target;
use tower::ServiceExt;
use tower_bearer::endpoint::TokenEndpoint;
use tower_bearer_fuzz::{block_on, sessions};

static ENDPOINT: LazyLock<TokenEndpoint> = LazyLock::new(|| TokenEndpoint::new(sessions()));

const TYPES: [&str; 4] = [
    "application/x-www-form-urlencoded",
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
];

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, body) = input;
    let content_type = TYPES[usize::from(kind) % TYPES.len()];
    let request = Request::post("/auth/token")
        .header(header::CONTENT_TYPE, content_type)
        .body(Full::<Bytes>::from(body))
        .expect("a request");
    let response = block_on(ENDPOINT.clone().oneshot(request)).expect("an answer");
    assert!(response.status().is_client_error(), "{}", response.status());
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let body = block_on(response.into_body().collect()).expect("a body");
    let error: serde_json::Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
    assert!(error["error"].is_string(), "{error}");
});
