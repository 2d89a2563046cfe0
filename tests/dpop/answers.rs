//! What a refused request is told: the schemes and the forms of the answer.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tests_shared::proofs::ProofKey;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Scope, VerifiedToken,
    bearer::{BearerLayer, Realm},
};

use crate::support::*;

const ALGS: &str = r#"algs="ES256 ES384 EdDSA Ed25519 PS256 RS256""#;

fn with(authorization: &str) -> Request<Full<Bytes>> {
    let request = Request::get("/me").header("authorization", authorization);
    request.body(Full::default()).unwrap()
}

#[tokio::test]
async fn both_schemes_are_named_where_both_are_taken() {
    let world = world();
    let layer = world.layer().realm(Realm::from_static("shop"));
    let of_dpop = format!(r#"DPoP realm="shop", {ALGS}"#);
    for nothing in [
        "",
        "Basic YTpi",
        "Bearer",
        "DPoP",
        "dpop ",
        "DPoPx a",
        "DPo",
    ] {
        let answer = world.ask(layer.clone(), with(nothing)).await;
        let answer = answer.refused(401, "unauthorized");
        assert_eq!(
            answer.challenges(),
            [r#"Bearer realm="shop""#, &of_dpop],
            "{nothing}"
        );
    }
    let answer = world.ask(layer, bearer("a.b.c")).await;
    let challenges = answer.refused(401, "invalid_token").challenges();
    assert!(challenges[0].starts_with(r#"Bearer realm="shop", error="invalid_token""#));
    assert_eq!(challenges[1..], [&of_dpop]);
}

#[tokio::test]
async fn one_scheme_is_named_where_one_is_taken() {
    let world = world().with(|dpop| dpop.require());
    let answer = world.ask(world.layer(), with("")).await;
    assert_eq!(
        answer.challenges(),
        [format!(r#"DPoP realm="api", {ALGS}"#)]
    );
    let tokens = world.unbound().await;
    let answer = world
        .ask(world.layer(), bearer(tokens.access_token.expose()))
        .await;
    // Its client has used the other scheme: it refreshes only if it hears of it.
    let challenges = answer.refused(401, "invalid_token").challenges();
    assert!(challenges[0].starts_with(r#"Bearer realm="api", error="invalid_token""#));
    assert_eq!(challenges[1..], [format!(r#"DPoP realm="api", {ALGS}"#)]);
    // A client of the scheme DPoP is not told of the other one.
    let world = world.with(|dpop| dpop);
    let answer = world.me("a.b.c", "x").await;
    assert_eq!(answer.refused(401, "invalid_token").challenges().len(), 1);
}

#[tokio::test]
async fn the_scheme_is_read_as_bearer_is() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    for scheme in ["DPoP ", "dpop ", "DPOP   ", " dPoP "] {
        let mut request = me(token, &world.for_me(&key, token).sign());
        let value = format!("{scheme}{token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        world.ask(world.layer(), request).await.ok();
    }
    for malformed in [
        "DPoP a b",
        "DPoP,a",
        "DPoP=a",
        "DPoP\ta",
        "DPoP \"a\"",
        "DPoP é",
    ] {
        let answer = world.ask(world.layer(), with(malformed)).await;
        let answer = answer.refused(400, "invalid_request");
        assert!(answer.challenges()[0].starts_with("DPoP "), "{answer:?}");
    }
    let mut twice = me(token, &world.for_me(&key, token).sign());
    let value = format!("DPoP {token}").parse().unwrap();
    twice.headers_mut().append("authorization", value);
    world
        .ask(world.layer(), twice)
        .await
        .refused(400, "invalid_request");
    let long = format!("DPoP {}", "a".repeat(9 * 1024));
    world
        .ask(world.layer(), with(&long))
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn an_optional_token_needs_its_proof_too() {
    let (world, key) = (world().with(|dpop| dpop.require()), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let layer = world.layer().optional();
    world.ask(layer.clone(), with("")).await.ok();
    let answer = world
        .ask(layer.clone(), with(&format!("DPoP {token}")))
        .await;
    answer.refused(401, "invalid_dpop_proof");
    let proof = world.for_me(&key, token).sign();
    assert_eq!(world.ask(layer, me(token, &proof)).await.ok().body, "anna");
}

#[tokio::test]
async fn a_scope_that_is_missing() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let layer = world.layer().require_scope(Scope::from_static("admin"));
    let answer = world
        .ask(layer, me(token, &world.for_me(&key, token).sign()))
        .await;
    let challenges = answer.refused(403, "insufficient_scope").challenges();
    assert_eq!(challenges.len(), 1);
    assert!(
        challenges[0].starts_with("DPoP realm=") && challenges[0].ends_with(r#"scope="admin""#)
    );
}

/// What a handler asks for is told of the scheme by which the token has come.
#[tokio::test]
async fn a_scope_that_is_missing_to_a_handler() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let without_proof =
        BearerLayer::new(world.verifier.clone()).danger_accept_bound_tokens_without_proof();
    let proof = world.for_me(&key, token).sign();
    for (layer, request, scheme) in [
        (world.layer(), me(token, &proof), "DPoP "),
        (without_proof, bearer(token), "Bearer "),
    ] {
        let handler = service_fn(async |request: Request<Full<Bytes>>| {
            let token = VerifiedToken::from_extensions(request.extensions()).unwrap();
            let refused = token.require_scope(&Scope::from_static("admin"));
            Ok::<_, Infallible>(refused.unwrap_err().to_response().map(Full::new))
        });
        let answer = layer.layer(handler).oneshot(request).await.unwrap();
        let answer = Answer::of(answer).await;
        let challenges = answer.refused(403, "insufficient_scope").challenges();
        assert_eq!(challenges.len(), 1);
        assert!(challenges[0].starts_with(scheme), "{challenges:?}");
    }
}

#[tokio::test]
async fn a_live_check_comes_after_the_proof() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let layer = world.layer().check_live(&world.sessions);
    let proof = || world.for_me(&key, token).sign();
    world.ask(layer.clone(), me(token, &proof())).await.ok();
    let sid = world.row(&tokens).await.session.id;
    world.sessions.end(sid, "anna").await.unwrap();
    let answer = world.ask(layer, me(token, &proof())).await;
    let challenges = answer.refused(401, "invalid_token").challenges();
    assert!(challenges[0].starts_with("DPoP "), "{challenges:?}");
}

#[tokio::test]
async fn an_expired_token_is_told_as_ever() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose().to_owned();
    world.later(601 + 60);
    let answer = world.me(&token, &world.for_me(&key, &token).sign()).await;
    let answer = answer.refused(401, "invalid_token");
    assert_eq!(
        answer.json()["error_description"],
        "the access token has expired"
    );
}

#[tokio::test]
async fn a_head_has_no_body_and_all_headers() {
    let world = world().with(|dpop| dpop.nonces(&secret()));
    let key = ProofKey::es256();
    let tokens = bound_with_nonce(&world, &key).await;
    let mut request = me(
        &tokens,
        &world.for_me(&key, &tokens).claim("htm", "HEAD").sign(),
    );
    *request.method_mut() = Method::HEAD;
    let answer = world.ask(world.layer(), request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.is_empty() && answer.nonce().is_some());
    assert!(
        answer.challenges()[0].contains("use_dpop_nonce"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_grpc_client_gets_its_own_form() {
    let world = world().with(|dpop| dpop.nonces(&secret()));
    let key = ProofKey::es256();
    let token = bound_with_nonce(&world, &key).await;
    let proof = world.for_me(&key, &token).claim("htm", "POST");
    for (proof, error) in [
        (proof.sign(), "use_dpop_nonce"),
        ("x".into(), "invalid_dpop_proof"),
    ] {
        let mut request = me(&token, &proof);
        *request.method_mut() = Method::POST;
        let content_type = "application/grpc".parse().unwrap();
        request.headers_mut().insert("content-type", content_type);
        let answer = world.ask(world.layer(), request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers["grpc-status"], "16");
        assert!(answer.body.is_empty());
        assert!(answer.challenges()[0].contains(error), "{answer:?}");
        assert_eq!(answer.nonce().is_some(), error == "use_dpop_nonce");
    }
}

#[tokio::test]
async fn a_hook_makes_the_body_and_the_layer_adds_the_rest() {
    let world = world().with(|dpop| dpop.nonces(&secret()));
    let key = ProofKey::es256();
    let token = bound_with_nonce(&world, &key).await;
    let layer = world.layer().on_rejection(|rejection, _| {
        let mut response = Response::new(Bytes::from(rejection.to_string()));
        *response.status_mut() = rejection.status();
        response
    });
    let answer = world
        .ask(layer, me(&token, &world.for_me(&key, &token).sign()))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.body, "the DPoP proof needs the nonce of this answer");
    assert!(answer.nonce().is_some() && answer.challenges().len() == 1);
}

#[tokio::test]
async fn a_proof_is_sensitive_for_inner_services() {
    use tower::{Layer, ServiceExt, service_fn};

    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let inner = service_fn(async |request: Request<Full<Bytes>>| {
        let headers = request.headers();
        let both = headers["dpop"].is_sensitive() && headers["authorization"].is_sensitive();
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(both.to_string())))
    });
    let request = me(token, &world.for_me(&key, token).sign());
    let answer = world.layer().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(Answer::of(answer).await.body, "true");
}
