//! The contract's table of answers.

use http::{Method, Request, header::AUTHORIZATION};
use serde_json::{Value, json};
use tower_bearer::{
    Scope,
    bearer::{BearerLayer, Realm},
};

use crate::{
    challenge, passed, refused,
    tokens::{LIFETIME, Tokens, authorized, bare, bearer},
};

const MALFORMED: &str =
    r#"Bearer realm="api", error="invalid_request", error_description="the request is malformed""#;
const INVALID: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="the access token is invalid""#;
const EXPIRED: &str = r#"Bearer realm="api", error="invalid_token", error_description="the access token has expired""#;

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone())
}

#[tokio::test]
async fn a_good_token_gets_in() {
    let tokens = Tokens::new();
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        let request = authorized(&format!("{scheme} {}", tokens.plain()));
        passed(layer(&tokens), request).await;
    }
}

#[tokio::test]
async fn no_credentials_are_401_without_a_code() {
    let tokens = Tokens::new();
    let basic = format!("Basic {}", tokens.plain());
    for request in [
        bare(),
        authorized("Bearer"),
        authorized("Bearer "),
        authorized(&basic),
    ] {
        let answer = refused(layer(&tokens), request, 401).await;
        assert_eq!(challenge(answer.headers()), r#"Bearer realm="api""#);
    }
}

#[tokio::test]
async fn malformed_credentials_are_400() {
    let tokens = Tokens::new();
    let long = format!("Bearer {}", "A".repeat(16 * 1024));
    for value in [
        "Bearer a b",
        "Bearer a,b",
        "Bearer \"a\"",
        "Bearer\ta",
        &long,
    ] {
        let answer = refused(layer(&tokens), authorized(value), 400).await;
        assert_eq!(challenge(answer.headers()), MALFORMED, "{value:.20}");
    }
}

#[tokio::test]
async fn two_headers_are_400_even_if_each_is_good() {
    let tokens = Tokens::new();
    let mut request = bearer(&tokens.plain());
    let same = request.headers()[AUTHORIZATION].clone();
    request.headers_mut().append(AUTHORIZATION, same);
    let answer = refused(layer(&tokens), request, 400).await;
    assert_eq!(challenge(answer.headers()), MALFORMED);
}

#[tokio::test]
async fn bad_tokens_are_401_and_look_alike() {
    let tokens = Tokens::new();
    let other_type = tokens.forge(&json!({ "typ": "rt+jwt" }), &Value::Null);
    let other_issuer = tokens.forge(&Value::Null, &json!({ "iss": "evil" }));
    for token in [
        "a",
        "a.b.c",
        &other_type,
        &other_issuer,
        &format!("{}A", tokens.plain()),
    ] {
        let answer = refused(layer(&tokens), bearer(token), 401).await;
        assert_eq!(challenge(answer.headers()), INVALID, "{token}");
    }
}

#[tokio::test]
async fn only_expiry_is_told() {
    let tokens = Tokens::new();
    let token = tokens.plain();
    tokens.clock.advance(2 * LIFETIME);
    let answer = refused(layer(&tokens), bearer(&token), 401).await;
    assert_eq!(challenge(answer.headers()), EXPIRED);
    // Not before the signature was found good.
    let answer = refused(layer(&tokens), bearer(&format!("{token}A")), 401).await;
    assert_eq!(challenge(answer.headers()), INVALID);
}

#[tokio::test]
async fn a_missing_scope_is_403_and_named() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).require_scope(Scope::from_static("read admin"));
    let answer = refused(layer, bearer(&tokens.scoped("read")), 403).await;
    let challenge = challenge(answer.headers());
    assert!(challenge.starts_with(r#"Bearer realm="api", error="insufficient_scope","#));
    assert!(challenge.ends_with(r#"scope="read admin""#), "{challenge}");
}

#[tokio::test]
async fn answers_are_json_that_nothing_keeps() {
    let tokens = Tokens::new();
    let answer = refused(layer(&tokens), bearer("a"), 401).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(
        answer.body(),
        r#"{"error":"invalid_token","error_description":"the access token is invalid"}"#
    );
}

#[tokio::test]
async fn head_gets_the_length_and_no_body() {
    let tokens = Tokens::new();
    let request = Request::builder().method(Method::HEAD).body(()).unwrap();
    let head = refused(layer(&tokens), request, 401).await;
    let get = refused(layer(&tokens), bare(), 401).await;
    assert_eq!(head.body(), "");
    assert_eq!(
        head.headers()["content-length"],
        get.body().len().to_string()
    );
    assert_eq!(challenge(head.headers()), challenge(get.headers()));
}

#[tokio::test]
async fn the_query_is_never_read() {
    let tokens = Tokens::new();
    let uri = format!("/?access_token={}", tokens.plain());
    refused(layer(&tokens), Request::get(uri).body(()).unwrap(), 401).await;
}

#[tokio::test]
async fn the_realm_is_the_applications() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).realm(Realm::from_static("my api"));
    let answer = refused(layer, bare(), 401).await;
    assert_eq!(challenge(answer.headers()), r#"Bearer realm="my api""#);
}
