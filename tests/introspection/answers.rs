//! Which answers make a token good (RFC 7662 §2.2), and what they say of it.

use std::time::Duration;

use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, KeySet, Scope, SigningKey, Verifier,
    error::{ErrorCode, TokenError},
    introspection::IntrospectionBuilder,
    profile::{Discriminator, TokenProfile},
};

use crate::support::*;

/// What a verifier makes of the answer, if the token is not known to it.
async fn verdict_of(
    answer: &Value,
    configure: impl FnOnce(IntrospectionBuilder) -> IntrospectionBuilder,
) -> Result<tower_bearer::VerifiedToken, TokenError> {
    let server = Server::start().await;
    server.says(answer);
    let world = world(configure(server.builder()));
    let verdict = world.verifier.authenticate("token").await;
    server.times(1);
    verdict
}

async fn verdict(answer: &Value) -> Result<tower_bearer::VerifiedToken, TokenError> {
    verdict_of(answer, |builder| builder).await
}

#[tokio::test]
async fn a_good_answer_has_the_claims() {
    let answer = with(json!({
        "jti": "x", "sid": "s", "auth_time": NOW - 5, "acr": "2", "nbf": NOW - 1, "username": "al",
        "token_type": "Bearer", "roles": ["cook"], "gen": 7,
    }));
    let token = verdict(&answer).await.unwrap();
    let claims = token.claims();
    assert_eq!(
        (&*claims.iss, &*claims.sub, claims.client_id.as_deref()),
        (ISSUER, "alice", Some("app"))
    );
    assert!(claims.aud.contains(AUDIENCE));
    assert_eq!(claims.scope.to_string(), "read write");
    assert_eq!(
        (claims.exp.as_secs(), claims.iat.as_secs()),
        (NOW + 600, NOW - 1)
    );
    assert_eq!(
        (claims.jti.as_deref(), claims.sid.as_deref()),
        (Some("x"), Some("s"))
    );
    assert_eq!(
        (claims.acr.as_deref(), claims.generation),
        (Some("2"), None)
    );

    #[derive(serde::Deserialize)]
    struct Mine {
        username: String,
        roles: Vec<String>,
    }
    let mine = token.claims_as::<Mine>().unwrap().private;
    assert_eq!(
        (&*mine.username, &*mine.roles),
        ("al", ["cook".to_owned()].as_slice())
    );
}

#[tokio::test]
async fn what_is_optional_may_be_missing() {
    for (answer, iss, sub) in [
        (without("iss"), ISSUER, "alice"),
        (without("aud"), ISSUER, "alice"),
        (without("scope"), ISSUER, "alice"),
        (without("iat"), ISSUER, "alice"),
        (without("client_id"), ISSUER, "alice"),
        (without("sub"), ISSUER, "app"),
        (
            with(json!({ "aud": ["https://other.example", AUDIENCE] })),
            ISSUER,
            "alice",
        ),
        (
            with(json!({ "aud": null, "nbf": null, "cnf": null, "iss": null })),
            ISSUER,
            "alice",
        ),
        (
            with(json!({ "token_type": "bearer", "token_use": "access_token" })),
            ISSUER,
            "alice",
        ),
        (
            with(json!({ "token_type": "access_token", "typ": "at+jwt" })),
            ISSUER,
            "alice",
        ),
        (with(json!({ "exp": NOW as f64 + 0.5 })), ISSUER, "alice"),
        // Within the leeway of five seconds.
        (
            with(json!({ "exp": NOW - 4, "nbf": NOW + 4, "iat": NOW + 4 })),
            ISSUER,
            "alice",
        ),
        // Names that mean something in a token of this crate only.
        (
            with(json!({ "sid": 7, "gen": "x", "auth_time": "x", "acr": 1 })),
            ISSUER,
            "alice",
        ),
    ] {
        let token = verdict(&answer).await;
        let token = token.unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(
            (&*token.claims().iss, &*token.claims().sub),
            (iss, sub),
            "{answer}"
        );
    }
    let token = verdict(&without("iat")).await.unwrap();
    assert_eq!(token.claims().iat.as_secs(), NOW, "when it was asked");
}

/// An answer without the subject, of these members.
fn unnamed(others: Value) -> Value {
    let mut answer = with(others);
    answer.as_object_mut().unwrap().remove("sub");
    answer
}

#[tokio::test]
async fn a_user_is_never_taken_for_the_client() {
    for username in [json!("alice"), json!(7), json!(["alice"])] {
        let answer = unnamed(json!({ "username": username }));
        let error = verdict(&answer).await.unwrap_err();
        assert_eq!(error, TokenError::Claims, "{answer}");
    }
    // There is no user.
    for username in [json!(null), json!("")] {
        let answer = unnamed(json!({ "username": username }));
        assert_eq!(verdict(&answer).await.unwrap().claims().sub, "app");
    }
    // The profile takes the name for the subject.
    let answer = unnamed(json!({ "username": "alice" }));
    let token = verdict_of(&answer, |builder| {
        let profile = TokenProfile::jwt(Discriminator::audience());
        builder.profile(profile.subject_claims(["sub", "username"]))
    });
    assert_eq!(token.await.unwrap().claims().sub, "alice");
}

#[tokio::test]
async fn whatever_is_wrong_with_the_token_is_a_401() {
    use TokenError as E;
    for (answer, error) in [
        (json!({ "active": false }), E::Inactive),
        (with(json!({ "active": false })), E::Inactive),
        (with(json!({ "iss": "https://other.example" })), E::Issuer),
        (with(json!({ "iss": "https://id.example/" })), E::Issuer),
        (with(json!({ "iss": [ISSUER] })), E::Issuer),
        (with(json!({ "aud": "https://other.example" })), E::Audience),
        (
            with(json!({ "aud": ["https://other.example"] })),
            E::Audience,
        ),
        (with(json!({ "aud": [] })), E::Audience),
        (with(json!({ "aud": "" })), E::Audience),
        (with(json!({ "aud": 7 })), E::Claims),
        (without("exp"), E::Claims),
        (with(json!({ "exp": "2100-01-01" })), E::Claims),
        (with(json!({ "exp": NOW - 5 })), E::Expired),
        (with(json!({ "exp": 0 })), E::Expired),
        (with(json!({ "nbf": NOW + 6 })), E::NotYetValid),
        (with(json!({ "iat": NOW + 6 })), E::NotYetValid),
        (json!({ "active": true, "exp": NOW + 600 }), E::Claims),
        (with(json!({ "cnf": "x" })), E::Claims),
        (with(json!({ "cnf": { "jkt": 7 } })), E::Claims),
        (with(json!({ "token_type": "DPoP" })), E::Claims),
        (
            with(json!({ "token_type": "dpop", "cnf": { "x5t#S256": "x" } })),
            E::Claims,
        ),
        (with(json!({ "token_type": "refresh_token" })), E::Type),
        (with(json!({ "token_type": "Refresh_Token" })), E::Type),
        (with(json!({ "token_use": "refresh_token" })), E::Type),
        (with(json!({ "typ": "Refresh" })), E::Type),
        (with(json!({ "typ": "Offline" })), E::Type),
        (with(json!({ "typ": "ID" })), E::Type),
        (with(json!({ "token_use": "id_token" })), E::Type),
        // Only an ID token has these.
        (with(json!({ "c_hash": "x" })), E::Type),
        (with(json!({ "at_hash": "x" })), E::Type),
    ] {
        let verdict = verdict(&answer).await;
        assert_eq!(verdict.map(|_| ()), Err(error), "{answer}");
        assert_eq!(ErrorCode::from(error), ErrorCode::InvalidToken);
    }
}

#[tokio::test]
async fn an_audience_can_be_required() {
    for answer in [without("aud"), with(json!({ "aud": null }))] {
        let verdict = verdict_of(&answer, |builder| builder.require_audience()).await;
        assert_eq!(verdict.map(|_| ()), Err(TokenError::Audience));
    }
    let named = verdict_of(&good(), |builder| builder.require_audience()).await;
    assert!(named.is_ok());
    let other = with(json!({ "aud": "https://second.example" }));
    let second = |builder: IntrospectionBuilder| builder.audience("https://second.example");
    assert!(verdict_of(&other, second).await.is_ok());
}

/// Few servers write their answers with the names that they write into tokens.
#[tokio::test]
async fn an_answer_may_have_the_names_of_the_rfc_and_no_client() {
    let answer = with(json!({ "client_id": "web", "scope": "read" }));
    let okta = |builder: IntrospectionBuilder| builder.profile(TokenProfile::okta());
    let token = verdict_of(&answer, okta).await.unwrap();
    assert_eq!(token.claims().client_id.as_deref(), Some("web"));
    assert!(token.claims().scope.contains("read"));

    let strict = |builder: IntrospectionBuilder| builder.profile(TokenProfile::rfc9068());
    assert!(verdict_of(&without("client_id"), strict).await.is_ok());
    let required = |builder: IntrospectionBuilder| {
        let profile = TokenProfile::jwt(Discriminator::audience());
        builder.profile(profile.require_client())
    };
    let refused = verdict_of(&without("client_id"), required).await;
    assert_eq!(refused.map(|_| ()), Err(TokenError::Claims));
}

/// A profile names the members. Its marks are for tokens that are verified here.
#[tokio::test]
async fn a_profile_says_where_the_members_are() {
    let configure = |builder: IntrospectionBuilder| {
        let profile = TokenProfile::jwt(Discriminator::claim("kind", "access"))
            .client_claims(["azp"])
            .scope_claims(["permissions"]);
        builder.profile(profile)
    };
    let mut answer = without("client_id");
    answer["azp"] = json!("web");
    answer["permissions"] = json!(["orders:read"]);
    let token = verdict_of(&answer, configure).await.unwrap();
    assert_eq!(token.claims().client_id.as_deref(), Some("web"));
    assert_eq!(token.claims().scope.to_string(), "orders:read");
}

#[tokio::test]
async fn the_leeway_is_that_of_the_verifier() {
    let server = Server::start().await;
    server.says(&with(json!({ "exp": NOW - 59 })));
    let World { verifier, .. } = server.world();
    let lenient = verifier.leeway(Duration::from_secs(60)).unwrap();
    assert!(lenient.authenticate("token").await.is_ok());
}

/// Wherever the profile is set, it is how answers are read, and what was read before is forgotten.
#[tokio::test]
async fn a_profile_of_the_verifier_is_that_of_the_answers() {
    let server = Server::start().await;
    server.says(&with(json!({ "cid": "another" })));
    let plain = server.world();
    plain.passes("token").await;
    let profile = || TokenProfile::jwt(Discriminator::audience()).client_claims(["cid"]);
    let verifier = plain.verifier.clone().profile(profile()).unwrap();
    let token = verifier.authenticate("token").await.unwrap();
    assert_eq!(token.claims().client_id.as_deref(), Some("another"));
    let token = plain.verifier.authenticate("token").await.unwrap();
    assert_eq!(token.claims().client_id.as_deref(), Some("app"));

    // Beside JWTs there are two profiles, and this is not the introspection's.
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
    let verifier = verifier.opaque_tokens(server.builder().build().unwrap());
    let verifier = verifier
        .clock(plain.clock.clone())
        .profile(profile())
        .unwrap();
    let token = verifier.authenticate("token").await.unwrap();
    assert_eq!(token.claims().client_id.as_deref(), Some("app"));
}

#[tokio::test]
async fn a_tenant_is_that_of_the_issuer() {
    const OURS: &str = "https://id.example/ours/v2";
    let profile = || TokenProfile::jwt(Discriminator::audience()).tenant_claim("tid");
    for (tenant, expected) in [
        (json!("ours"), Ok(())),
        (json!("theirs"), Err(TokenError::Issuer)),
        (json!(""), Err(TokenError::Issuer)),
        (json!(["ours"]), Err(TokenError::Issuer)),
        (json!(null), Err(TokenError::Issuer)),
    ] {
        let answer = with(json!({ "iss": OURS, "tid": tenant }));
        let verdict = verdict_of(&answer, |builder| builder.issuer(OURS).profile(profile())).await;
        assert_eq!(verdict.map(|_| ()), expected, "{tenant}");
    }
}

#[tokio::test]
async fn a_server_grants_no_more_than_it_may() {
    const LIMIT: Scope = Scope::from_static("read delete");
    let token = verdict_of(&good(), |builder| builder.limit_scope(LIMIT)).await;
    assert_eq!(token.unwrap().claims().scope.as_str(), "read");
}
