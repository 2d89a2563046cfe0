//! Routes that are for the user alone, and not for whoever acts for the user (RFC 8693).

use std::time::Duration;

use http::{HeaderValue, Method, Request, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tests_shared::tokens::{Tokens, bare, bearer};
use tower_bearer::{
    Scope,
    bearer::{AcrValues, BearerLayer},
    clock::Clock,
};

use crate::*;

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone()).require_no_actor()
}

/// A request with a token of this actor.
fn acting(tokens: &Tokens, act: &Value) -> Request<()> {
    bearer(&tokens.forge(&json!({}), &json!({ "act": act })))
}

#[tokio::test]
async fn whoever_acts_for_the_user_is_refused_by_whatever_the_claim_names_them() {
    let tokens = Tokens::new();
    for act in [
        json!({ "sub": "admin-7" }),
        json!({ "sub": "alice" }),
        json!({ "sub": "admin-7", "act": { "sub": "root" } }),
        json!({ "client_id": "robot" }),
        json!({}),
    ] {
        let answer = through(layer(&tokens), acting(&tokens, &act)).await;
        answer.is(403).challenges(&[]);
        assert!(answer.body.contains(r#""error":"access_denied""#));
        assert!(answer.body.contains("the user has to do this in person"));
        // Where nothing is asked for, an actor passes.
        let other = BearerLayer::new(tokens.verifier.clone());
        through(other, acting(&tokens, &act)).await.is(200);
    }
    through(layer(&tokens), bearer(&tokens.plain()))
        .await
        .is(200);
}

/// What seems to be no actor must not be one.
#[tokio::test]
async fn an_actor_that_cannot_be_read_is_refused_everywhere() {
    let tokens = Tokens::new();
    for act in [
        json!(null),
        json!(false),
        json!("admin-7"),
        json!([{ "sub": "admin-7" }]),
        json!({ "sub": null }),
        json!({ "sub": "" }),
    ] {
        for layer in [layer(&tokens), BearerLayer::new(tokens.verifier.clone())] {
            let answer = through(layer, acting(&tokens, &act)).await;
            answer.is(401);
        }
    }
}

#[tokio::test]
async fn a_remembered_token_is_refused_as_well() {
    let tokens = Tokens::new();
    let any = BearerLayer::new(tokens.verifier.clone());
    let act = json!({ "sub": "admin-7" });
    let token = tokens.forge(&json!({}), &json!({ "act": act }));
    through(any, bearer(&token)).await.is(200);
    through(layer(&tokens), bearer(&token)).await.is(403);
}

#[tokio::test]
async fn it_comes_before_what_a_client_could_ask_for() {
    let tokens = Tokens::new();
    let layer = layer(&tokens)
        .require_scope(Scope::from_static("pay"))
        .require_acr(AcrValues::from_static("phr"))
        .require_max_age(Duration::from_secs(60));
    let answer = through(layer, acting(&tokens, &json!({ "sub": "admin-7" }))).await;
    answer.is(403).challenges(&[]);
}

/// The user has not authenticated for the session, and cannot: a challenge would be answered for ever.
#[tokio::test]
async fn who_acts_without_a_login_is_not_asked_for_one() {
    let tokens = Tokens::new();
    let verifier = || BearerLayer::new(tokens.verifier.clone());
    let recent = Duration::from_secs(60);
    let layers = [
        verifier().require_max_age(recent),
        verifier().require_acr(AcrValues::from_static("phr")),
    ];
    let token = |auth_time| {
        let claims = json!({ "act": { "sub": "admin-7" }, "auth_time": auth_time });
        bearer(&tokens.forge(&json!({}), &claims))
    };
    for layer in layers {
        let answer = through(layer.clone(), token(0)).await;
        answer.is(403).challenges(&[]);
        assert!(answer.body.contains("the user has to do this in person"));
        // Of a user who has authenticated once.
        through(layer, token(1)).await.is(401);
    }
    let clock = tokens.clock.clone();
    let now = clock.now();
    let checked = move |token: &VerifiedToken| token.require_max_age(recent, now);
    handled(verifier(), token(0), checked).await.is(403);
    handled(verifier(), token(1), checked).await.is(401);
    let classes = AcrValues::from_static("phr");
    let checked = move |token: &VerifiedToken| token.require_acr(&classes);
    handled(verifier(), token(0), checked).await.is(403);
}

#[tokio::test]
async fn without_a_token_nobody_acts() {
    let tokens = Tokens::new();
    through(layer(&tokens).optional(), bare()).await.is(200);
    through(layer(&tokens), bare()).await.is(401);
}

#[tokio::test]
async fn a_handler_can_ask_for_the_user_and_grpc_clients_are_told_as_well() {
    let tokens = Tokens::new();
    let any = BearerLayer::new(tokens.verifier.clone()).resource(&resource());
    let act = json!({ "sub": "admin-7" });
    let in_person = |token: &VerifiedToken| token.require_no_actor();
    let answer = handled(any.clone(), acting(&tokens, &act), in_person).await;
    answer.is(403).challenges(&[]);
    let own = bearer(&tokens.plain());
    handled(any, own, in_person).await.is(200);

    let mut call = acting(&tokens, &act);
    *call.method_mut() = Method::POST;
    let grpc = HeaderValue::from_static("application/grpc+proto");
    call.headers_mut().insert(CONTENT_TYPE, grpc);
    let answer = through(layer(&tokens), call).await;
    assert_eq!(answer.is(403).header("grpc-status"), "7");
    assert_eq!(
        answer.header("grpc-message"),
        "the user has to do this in person"
    );
}
