//! Any `Cookie` header at the middleware: no token is found in it that is not there.
#![no_main]

use std::{convert::Infallible, sync::LazyLock};

use http::{HeaderValue, Request, Response, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    bearer::BearerLayer,
    cookie::{AccessCookie, CookieOptions},
};
use tower_bearer_fuzz::{block_on, ready, verifier};

static LAYER: LazyLock<BearerLayer> = LazyLock::new(|| {
    let cookie = ready(AccessCookie::new(CookieOptions::new()));
    BearerLayer::new(verifier()).access_cookie(&cookie)
});

fuzz_target!(|value: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(value) else {
        return;
    };
    let service = LAYER.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(()))));
    let request = Request::get("/")
        .header(header::COOKIE, value)
        .body(())
        .expect("a request");
    let response = block_on(service.oneshot(request)).expect("an answer");
    assert!(
        [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST].contains(&response.status()),
        "{}",
        response.status()
    );
});
