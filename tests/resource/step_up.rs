//! How, and how recently, the user has authenticated (RFC 9470).

use std::time::Duration;

use http::{HeaderValue, Method, Request, header::CONTENT_TYPE};
use tests_shared::tokens::{Tokens, bare, bearer};
use tower_bearer::{
    Scope,
    bearer::{AcrValues, BearerLayer, Rejection},
    clock::{Clock, Timestamp},
    error::{ConfigErrorKind, ErrorCode},
};

use crate::*;

const GOLD: AcrValues = AcrValues::from_static("urn:example:gold urn:example:silver");
const LACKS: &str = r#"error="insufficient_user_authentication", error_description="the user has to authenticate again or in another way""#;

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone())
}

/// A request of a user who authenticated in this way, so many seconds ago.
fn user(tokens: &Tokens, acr: Option<&str>, secs_ago: Option<i64>) -> Request<()> {
    let mut claims = tokens.claims();
    claims.acr = acr.map(str::to_owned);
    let now = tokens.clock.now().as_secs();
    claims.auth_time = secs_ago.map(|ago| Timestamp::from_secs(now - ago));
    bearer(&tokens.sign(&claims))
}

/// RFC 9470 §3, but for our description and the realm.
#[tokio::test]
async fn the_class_must_be_one_of_those_that_are_asked_for() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).require_acr(AcrValues::from_static("myACR"));
    for acr in [
        None,
        Some(""),
        Some("other"),
        Some("myacr"),
        Some("myACR other"),
    ] {
        let answer = through(layer.clone(), user(&tokens, acr, Some(0))).await;
        let expected = format!(r#"Bearer realm="api", {LACKS}, acr_values="myACR""#);
        answer.is(401).challenges(&[&expected]);
        assert!(
            answer
                .body
                .contains(r#""error":"insufficient_user_authentication""#)
        );
    }
    through(layer, user(&tokens, Some("myACR"), None))
        .await
        .is(200);
}

#[tokio::test]
async fn any_of_several_classes_is_enough_and_two_calls_narrow_them() {
    let tokens = Tokens::new();
    let any = layer(&tokens).require_acr(GOLD);
    for acr in GOLD.iter() {
        through(any.clone(), user(&tokens, Some(acr), None))
            .await
            .is(200);
    }
    let both = any.require_acr(AcrValues::from_static("urn:example:silver x"));
    through(
        both.clone(),
        user(&tokens, Some("urn:example:silver"), None),
    )
    .await
    .is(200);
    for acr in ["urn:example:gold", "x"] {
        let answer = through(both.clone(), user(&tokens, Some(acr), None)).await;
        let expected = format!(r#"Bearer realm="api", {LACKS}, acr_values="urn:example:silver""#);
        answer.is(401).challenges(&[&expected]);
    }
    let none = both.require_acr(AcrValues::from_static("y"));
    for acr in ["urn:example:silver", "y"] {
        through(none.clone(), user(&tokens, Some(acr), None))
            .await
            .is(401);
    }
}

/// RFC 9470 §3, the second example. The verifier's leeway is 5 s.
#[tokio::test]
async fn the_login_must_be_recent_enough() {
    let tokens = Tokens::new();
    let layer = layer(&tokens)
        .require_max_age(Duration::from_secs(60))
        .require_max_age(Duration::from_millis(5_900))
        .require_max_age(Duration::from_secs(7));
    for ago in [-3, 0, 5, 10] {
        through(layer.clone(), user(&tokens, None, Some(ago)))
            .await
            .is(200);
    }
    for ago in [Some(11), Some(3600), None] {
        let answer = through(layer.clone(), user(&tokens, None, ago)).await;
        let expected = format!(r#"Bearer realm="api", {LACKS}, max_age="5""#);
        answer.is(401).challenges(&[&expected]);
    }
    // A token that was good is so no longer, though it is remembered.
    let request = || user(&tokens, None, Some(8));
    let (first, second) = (request(), request());
    through(layer.clone(), first).await.is(200);
    tokens.clock.advance(Duration::from_secs(3));
    through(layer, second).await.is(401);
}

#[tokio::test]
async fn one_login_is_enough_for_both_and_scopes_come_first() {
    let tokens = Tokens::new();
    let layer = layer(&tokens)
        .require_acr(GOLD)
        .require_max_age(Duration::from_secs(300));
    let both = format!(
        r#"Bearer realm="api", {LACKS}, acr_values="urn:example:gold urn:example:silver", max_age="300""#
    );
    for (acr, ago) in [("x", 0), ("urn:example:gold", 400), ("x", 400)] {
        let answer = through(layer.clone(), user(&tokens, Some(acr), Some(ago))).await;
        answer.is(401).challenges(&[&both]);
    }
    through(
        layer.clone(),
        user(&tokens, Some("urn:example:gold"), Some(9)),
    )
    .await
    .is(200);

    let scoped = layer.require_scope(Scope::from_static("pay"));
    through(scoped.clone(), user(&tokens, Some("x"), Some(0)))
        .await
        .is(403);
    // A client of the metadata asks for the scope at the same time.
    let answer = through(scoped.resource(&resource()), bearer(&tokens.scoped("pay")));
    let expected = both.replace(", acr_values", r#", scope="pay", acr_values"#)
        + &format!(r#", resource_metadata="{METADATA}""#);
    answer.await.is(401).challenges(&[&expected]);
}

#[tokio::test]
async fn optional_lets_nobody_through_without_a_token() {
    let tokens = Tokens::new();
    for layer in [
        layer(&tokens).require_acr(GOLD),
        layer(&tokens).require_max_age(Duration::from_secs(5)),
    ] {
        let answer = through(layer.optional(), bare()).await;
        answer.is(401).challenges(&[r#"Bearer realm="api""#]);
    }
}

#[tokio::test]
async fn grpc_head_and_dpop_clients_are_told_as_well() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).require_acr(AcrValues::from_static("a"));
    let expected = format!(r#"Bearer realm="api", {LACKS}, acr_values="a""#);
    let mut call = bearer(&tokens.plain());
    *call.method_mut() = Method::POST;
    let grpc = HeaderValue::from_static("application/grpc+proto");
    call.headers_mut().insert(CONTENT_TYPE, grpc);
    let answer = through(layer.clone(), call).await;
    assert_eq!(answer.is(401).header("grpc-status"), "16");
    assert_eq!(
        answer.header("grpc-message"),
        "the user has to authenticate again or in another way"
    );
    answer.challenges(&[&expected]);

    for method in [Method::HEAD, Method::OPTIONS] {
        let mut request = bearer(&tokens.plain());
        *request.method_mut() = method;
        let answer = through(layer.clone(), request).await;
        answer.is(401).challenges(&[&expected]);
    }
}

#[tokio::test]
async fn a_handler_can_ask_for_more() {
    let tokens = Tokens::new();
    let silver = || user(&tokens, Some("urn:example:silver"), Some(30));
    let gold = AcrValues::from_static("urn:example:gold");
    let answer = handled(layer(&tokens), silver(), |token| token.require_acr(&gold)).await;
    answer.is(401).challenges(&[&format!(
        r#"Bearer realm="api", {LACKS}, acr_values="urn:example:gold""#
    )]);
    handled(layer(&tokens), silver(), |token| token.require_acr(&GOLD))
        .await
        .is(200);

    let now = tokens.clock.now();
    let within = |secs| {
        handled(layer(&tokens), silver(), move |token| {
            token.require_max_age(Duration::from_secs(secs), now)
        })
    };
    within(30).await.is(200);
    let answer = within(29).await;
    answer
        .is(401)
        .challenges(&[&format!(r#"Bearer realm="api", {LACKS}, max_age="29""#)]);
    let answer = handled(layer(&tokens), bearer(&tokens.plain()), |token| {
        token.require_max_age(Duration::MAX, now)
    });
    answer.await.is(401);
}

#[test]
fn a_rejection_tells_what_it_asks_for() {
    let age = Duration::from_secs(9);
    let rejection = Rejection::insufficient_user_authentication(Some(&GOLD), Some(age));
    assert_eq!(rejection.code(), ErrorCode::InsufficientUserAuthentication);
    assert_eq!(rejection.acr_values(), Some(&GOLD));
    assert_eq!(rejection.max_age(), Some(age));
    assert!(rejection.scope().is_none());
}

#[test]
fn a_class_is_what_a_challenge_can_name() {
    let read: AcrValues = "  a   b a ".parse().unwrap();
    assert_eq!(read.as_str(), "a b");
    for text in ["a\"b", "a\\b", "a\tb", "é"] {
        let error = text.parse::<AcrValues>().unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::AcrValues, "{text}");
    }
}
