//! `vectors/attacks.jsonl` against the layer: how a token travels, and what a route asks of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{convert::Infallible, sync::OnceLock};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, header::WWW_AUTHENTICATE,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tests_shared::tokens::{self, Tokens};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{VerifiedToken, bearer::BearerLayer};

const CASES: &str = include_str!("../vectors/attacks.jsonl");

fn tokens() -> &'static Tokens {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    TOKENS.get_or_init(Tokens::new)
}

fn layer() -> BearerLayer {
    BearerLayer::new(tokens().verifier.clone())
}

fn cases() -> impl Iterator<Item = Value> {
    CASES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
}

/// The answer's head, and its body as text.
async fn send(layer: BearerLayer, request: Request<()>) -> Response<String> {
    let inner = service_fn(|request: Request<()>| async move {
        assert!(request.extensions().get::<VerifiedToken>().is_some());
        Ok::<_, Infallible>(Response::new("inside".to_owned()))
    });
    let (head, body) = layer
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

/// A string of the recipe language, with the token filled in.
fn text(value: &Value, token: &str) -> String {
    match value {
        Value::String(text) => text
            .replace("${TOKEN_PCT}", &token.replace('.', "%2E"))
            .replace("${TOKEN}", token),
        Value::Object(made) if made.contains_key("$concat") => {
            let parts = made["$concat"].as_array().unwrap();
            parts.iter().map(|part| text(part, token)).collect()
        }
        Value::Object(made) => {
            let count = usize::try_from(made["$repeat"][1].as_u64().unwrap()).unwrap();
            text(&made["$repeat"][0], token).repeat(count)
        }
        other => panic!("no text: {other}"),
    }
}

fn request(case: &Value, token: &str) -> Request<()> {
    let recipe = &case["build"]["request"];
    let mut request = Request::new(());
    if let Some(method) = recipe["method"].as_str() {
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    }
    if recipe["query"].is_string() {
        *request.uri_mut() = format!("/?{}", text(&recipe["query"], token))
            .parse()
            .unwrap();
    }
    for header in recipe["headers"].as_array().unwrap() {
        let name: HeaderName = header[0].as_str().unwrap().parse().unwrap();
        request.headers_mut().append(
            name,
            HeaderValue::from_str(&text(&header[1], token)).unwrap(),
        );
    }
    request
}

/// The contract of a refusal, whatever it is for.
#[track_caller]
fn assert_refusal(case: &Value, response: &Response<String>) {
    let challenges: Vec<_> = response
        .headers()
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .collect();
    let [challenge] = challenges[..] else {
        panic!("{}: {challenges:?}", case["id"])
    };
    let challenge = challenge.to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer realm=\"api\""),
        "{}: {challenge}",
        case["id"]
    );
    assert!(
        !challenge.contains(['\r', '\n']),
        "{}: {challenge}",
        case["id"]
    );
    assert!(!response.headers().contains_key("x-injected"));
    assert_eq!(
        response.headers()["cache-control"],
        "no-store",
        "{}",
        case["id"]
    );
    assert_ne!(response.body(), "inside", "{}", case["id"]);
}

/// Holds the answer against what the case expects, by how sure the case is.
#[track_caller]
fn assert_expected(case: &Value, response: &Response<String>) {
    let status = response.status();
    assert!(!status.is_server_error(), "{}: {status}", case["id"]);
    if case["confidence"] == "choice" {
        return;
    }
    match case["expect"].as_str().unwrap() {
        "accept" => assert_eq!(status, StatusCode::OK, "{}", case["id"]),
        "reject" => {
            let wanted = case["status"].as_array().unwrap();
            assert!(
                wanted.contains(&status.as_u16().into()),
                "{}: {status}",
                case["id"]
            );
            assert_refusal(case, response);
        }
        other => panic!("unknown expectation {other}"),
    }
}

/// How many cases were run, by confidence, and how many could not be.
#[derive(Debug, Default, PartialEq)]
struct Count {
    must: usize,
    should: usize,
    choice: usize,
    skipped: usize,
}

impl Count {
    fn note(&mut self, case: &Value) {
        match case["confidence"].as_str().unwrap() {
            "must" => self.must += 1,
            "should" => self.should += 1,
            "choice" => self.choice += 1,
            other => panic!("unknown confidence {other}"),
        }
    }
}

#[tokio::test]
async fn header_cases() {
    let mut count = Count::default();
    let token = tokens().scoped("read write");
    for case in cases().filter(|case| case["target"] == "header") {
        if case["needs"]["transport"] == "cookie" && !cfg!(feature = "cookie") {
            count.skipped += 1;
            continue;
        }
        let layer = layer_for(&case);
        let response = send(layer, request(&case, &token)).await;
        assert_expected(&case, &response);
        count.note(&case);
    }
    let cookies = if cfg!(feature = "cookie") { 2 } else { 0 };
    assert_eq!(
        count,
        Count {
            must: 44,
            should: 2 + cookies,
            choice: 2,
            skipped: 2 - cookies
        }
    );
}

/// The layer that a case is about; two are about one that reads a cookie.
fn layer_for(case: &Value) -> BearerLayer {
    #[cfg(feature = "cookie")]
    if case["needs"]["transport"] == "cookie" {
        return cookie_layer();
    }
    assert!(case["needs"]["transport"].is_null());
    layer()
}

#[cfg(feature = "cookie")]
fn cookie_layer() -> BearerLayer {
    use tower_bearer::cookie::{AccessCookie, CookieOptions};

    // The cases name the cookie without a prefix.
    let options = CookieOptions::new().name("access_token");
    let cookie = AccessCookie::new(options.danger_insecure_over_http());
    layer().access_cookie(&cookie.unwrap())
}

/// What the two cases send would be served if it came once.
#[cfg(feature = "cookie")]
#[tokio::test]
async fn one_cookie_is_served() {
    let line = format!("access_token={}", tokens().plain());
    let request = Request::get("/").header("cookie", line).body(()).unwrap();
    let response = send(cookie_layer(), request).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn route_scope_cases() {
    let mut count = Count::default();
    for case in cases().filter(|case| case["needs"]["route_scope"].is_string()) {
        let needed = case["needs"]["route_scope"].as_str().unwrap();
        let token = tokens().forge(&Value::Null, &case["build"]["claims"]);
        let response = send(
            layer().require_scope(needed.parse().unwrap()),
            tokens::bearer(&token),
        )
        .await;
        assert_expected(&case, &response);
        if response.status() == StatusCode::FORBIDDEN {
            let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
            let wanted = format!("scope=\"{needed}\"");
            assert!(
                challenge.contains("error=\"insufficient_scope\""),
                "{}",
                case["id"]
            );
            assert!(challenge.ends_with(&wanted), "{}: {challenge}", case["id"]);
        }
        count.note(&case);
    }
    assert_eq!(
        count,
        Count {
            must: 6,
            should: 0,
            choice: 3,
            skipped: 0
        }
    );
}

#[track_caller]
fn case(id: &str) -> Value {
    cases().find(|case| case["id"] == id).unwrap()
}

#[tokio::test]
async fn without_credentials_there_is_no_error_code() {
    for id in ["h-none", "h-shape-00", "h-shape-01", "h-shape-11"] {
        let response = send(layer(), request(&case(id), &tokens().plain())).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{id}");
        assert_eq!(
            response.headers()[WWW_AUTHENTICATE],
            "Bearer realm=\"api\"",
            "{id}"
        );
    }
}

#[tokio::test]
async fn head_has_the_headers_of_a_get_and_no_body() {
    let head = send(layer(), request(&case("h-head"), "")).await;
    let get = send(layer(), request(&case("h-none"), "")).await;
    assert_eq!(head.body(), "");
    assert_eq!(head.status(), get.status());
    assert_eq!(
        head.headers()["content-length"],
        get.body().len().to_string()
    );
    for (name, value) in get.headers() {
        assert_eq!(head.headers().get(name), Some(value));
    }
}

#[tokio::test]
async fn what_a_token_says_never_gets_into_a_header() {
    let attack = case("kid-crlf");
    let token = tokens().forge(&attack["build"]["header"], &Value::Null);
    let response = send(layer(), tokens::bearer(&token)).await;
    assert_expected(&attack, &response);
    for (_, value) in response.headers() {
        assert!(!value.to_str().unwrap().contains("X-Injected"));
    }
}
