//! The application's own parameters of a challenge.

use tests_shared::tokens::{Tokens, bare, bearer};
use tower_bearer::{
    Scope,
    bearer::{BearerLayer, ChallengeParameters, Rejection},
    error::ErrorCode,
};

use crate::*;

#[tokio::test]
async fn they_stand_at_the_end_where_the_application_wants_them() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone())
        .resource(&resource())
        .require_scope(Scope::from_static("a"))
        .challenge_parameters(|rejection, headers| {
            let page = match rejection.code() {
                ErrorCode::InsufficientScope => "https://api.example/scopes",
                _ => return ChallengeParameters::new(),
            };
            assert!(headers.contains_key("authorization"));
            let parameters = ChallengeParameters::new().with("error_uri", page);
            parameters.unwrap().with("hint", r#"say "please""#).unwrap()
        });
    let answer = through(layer.clone(), bearer(&tokens.plain())).await;
    answer.is(403).challenges(&[&format!(
        r#"Bearer realm="api", error="insufficient_scope", error_description="the access token does not allow this", scope="a", resource_metadata="{METADATA}", error_uri="https://api.example/scopes", hint="say \"please\"""#
    )]);
    let answer = through(layer, bare()).await;
    answer.is(401).challenges(&[&format!(
        r#"Bearer realm="api", scope="a", resource_metadata="{METADATA}""#
    )]);
}

#[cfg(feature = "dpop")]
#[tokio::test]
async fn they_are_said_of_each_scheme() {
    use tower_bearer::{Algorithm, dpop::DpopVerifier};

    let tokens = Tokens::new();
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    let layer = BearerLayer::new(tokens.verifier.clone())
        .dpop(&dpop.algorithms([Algorithm::ES256]).unwrap())
        .challenge_parameters(|_, _| ChallengeParameters::new().with("x", "y").unwrap());
    let answer = through(layer, bare()).await;
    answer.is(401).challenges(&[
        r#"Bearer realm="api", x="y""#,
        r#"DPoP realm="api", algs="ES256", x="y""#,
    ]);
}

/// What is no challenge gets none, whatever the application adds.
#[tokio::test]
async fn a_hook_for_responses_sees_them_and_a_handler_can_add_them() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone())
        .challenge_parameters(|_, _| ChallengeParameters::new().with("x", "y").unwrap())
        .on_rejection(|rejection, _| rejection.to_response());
    let answer = through(layer.clone(), bare()).await;
    answer.is(401).challenges(&[r#"Bearer realm="api", x="y""#]);

    let parameters = ChallengeParameters::new().with("x", "z").unwrap();
    let request = bearer(&tokens.plain());
    let answer = handled(layer, request, move |_| {
        Err(Rejection::missing_token().with_parameters(parameters.clone()))
    });
    answer
        .await
        .is(401)
        .challenges(&[r#"Bearer realm="api", x="z""#]);
}
