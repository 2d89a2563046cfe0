//! What a challenge says of the resource, byte by byte.

use http::{HeaderValue, Method, header::CONTENT_TYPE};
use tests_shared::tokens::{LIFETIME, Tokens, authorized, bare, bearer};
use tower_bearer::{
    Scope,
    bearer::{BearerLayer, Realm, Rejection},
};

use crate::*;

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone()).resource(&resource())
}

#[tokio::test]
async fn each_challenge_names_the_metadata() {
    let tokens = Tokens::new();
    let metadata = format!(r#"resource_metadata="{METADATA}""#);
    let answer = through(layer(&tokens), bare()).await;
    answer
        .is(401)
        .challenges(&[&format!(r#"Bearer realm="api", {metadata}"#)]);

    let answer = through(layer(&tokens), authorized("Bearer a b")).await;
    answer.is(400).challenges(&[&format!(
        r#"Bearer realm="api", error="invalid_request", error_description="the request is malformed", {metadata}"#
    )]);

    let answer = through(layer(&tokens), bearer("a.b.c")).await;
    answer.is(401).challenges(&[&format!(
        r#"Bearer realm="api", error="invalid_token", error_description="the access token is invalid", {metadata}"#
    )]);

    let token = tokens.plain();
    tokens.clock.advance(2 * LIFETIME);
    let answer = through(layer(&tokens), bearer(&token)).await;
    answer.is(401).challenges(&[&format!(
        r#"Bearer realm="api", error="invalid_token", error_description="the access token has expired", {metadata}"#
    )]);
}

/// The realm may be empty, as the examples of RFC 9728 §5.1 and of MCP have none.
#[tokio::test]
async fn a_client_is_told_which_scope_to_ask_for() {
    let tokens = Tokens::new();
    let layer = layer(&tokens)
        .require_scope(Scope::from_static("files:read"))
        .require_any_scope(Scope::from_static("a b"))
        .realm(Realm::from_static(""));
    let answer = through(layer.clone(), bare()).await;
    answer.is(401).challenges(&[&format!(
        r#"Bearer realm="", scope="files:read a", resource_metadata="{METADATA}""#
    )]);
    let answer = through(layer.clone(), bearer("a.b.c")).await;
    answer.is(401).challenges(&[&format!(
        r#"Bearer realm="", error="invalid_token", error_description="the access token is invalid", scope="files:read a", resource_metadata="{METADATA}""#
    )]);
    // All at once, with what the token has of the alternatives.
    let answer = through(layer.clone(), bearer(&tokens.scoped("b x"))).await;
    answer.is(403).challenges(&[&format!(
        r#"Bearer realm="", error="insufficient_scope", error_description="the access token does not allow this", scope="files:read b", resource_metadata="{METADATA}""#
    )]);
    let answer = through(layer.clone(), authorized("Bearer a b")).await;
    assert!(!answer.is(400).header("www-authenticate").contains("scope="));
    through(layer, bearer(&tokens.scoped("b files:read")))
        .await
        .is(200);
}

#[tokio::test]
async fn without_a_resource_nothing_is_different() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone())
        .require_scope(Scope::from_static("a"))
        .require_scope(Scope::from_static("b"));
    let answer = through(layer, bare()).await;
    answer.is(401).challenges(&[r#"Bearer realm="api""#]);
}

#[tokio::test]
async fn head_and_options_get_the_same_challenge() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).require_scope(Scope::from_static("a"));
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
        let answer = through(layer.clone(), request(method.clone(), "/")).await;
        answer.is(401).challenges(&[&format!(
            r#"Bearer realm="api", scope="a", resource_metadata="{METADATA}""#
        )]);
        assert_eq!(answer.body.is_empty(), method == Method::HEAD);
    }
}

#[tokio::test]
async fn a_grpc_client_gets_it_too() {
    let tokens = Tokens::new();
    let mut call = request(Method::POST, "/a.B/C");
    let grpc = HeaderValue::from_static("application/grpc");
    call.headers_mut().insert(CONTENT_TYPE, grpc);
    let answer = through(layer(&tokens), call).await;
    assert_eq!(answer.is(401).header("grpc-status"), "16");
    answer.challenges(&[&format!(
        r#"Bearer realm="api", resource_metadata="{METADATA}""#
    )]);
}

#[cfg(feature = "dpop")]
#[tokio::test]
async fn each_scheme_names_it() {
    use tower_bearer::{Algorithm, dpop::DpopVerifier};

    let tokens = Tokens::new();
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    let dpop = dpop.algorithms([Algorithm::ES256]).unwrap();
    let layer = layer(&tokens)
        .dpop(&dpop)
        .require_scope(Scope::from_static("a"));
    let metadata = format!(r#"resource_metadata="{METADATA}""#);
    let answer = through(layer.clone(), bare()).await;
    answer.is(401).challenges(&[
        &format!(r#"Bearer realm="api", scope="a", {metadata}"#),
        &format!(r#"DPoP realm="api", algs="ES256", scope="a", {metadata}"#),
    ]);
    // What is wrong is said of the scheme that was used.
    let answer = through(layer.clone(), bearer("a.b.c")).await;
    answer.is(401).challenges(&[
        &format!(r#"Bearer realm="api", error="invalid_token", error_description="the access token is invalid", scope="a", {metadata}"#),
        &format!(r#"DPoP realm="api", algs="ES256", {metadata}"#),
    ]);
    let answer = through(layer.dpop(&dpop.require()), bare()).await;
    answer.is(401).challenges(&[&format!(
        r#"DPoP realm="api", algs="ES256", scope="a", {metadata}"#
    )]);
}

/// A handler knows the layer by the token that it has let through, or by that there is none.
#[tokio::test]
async fn a_handler_refuses_as_its_layer_does() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).realm(Realm::from_static("files")).optional();
    let write = Scope::from_static("files:write");
    let request = bearer(&tokens.scoped("files:read"));
    let answer = handled(layer.clone(), request, |token| token.require_scope(&write)).await;
    answer.is(403).challenges(&[&format!(
        r#"Bearer realm="files", error="insufficient_scope", error_description="the access token does not allow this", scope="files:write", resource_metadata="{METADATA}""#
    )]);
    let missing = format!(r#"Bearer realm="files", resource_metadata="{METADATA}""#);
    let answer = handled(layer.clone(), bare(), |_| Ok(())).await;
    answer.is(401).challenges(&[&missing]);
    let request = bearer(&tokens.plain());
    let answer = handled(layer, request, |token| {
        Err(Rejection::missing_token().for_token(token))
    });
    answer.await.is(401).challenges(&[&missing]);
}
