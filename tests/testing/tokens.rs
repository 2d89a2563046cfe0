//! Each token is what its name says, to a verifier that was not made for tests.

use std::time::Duration;

use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    clock::{ManualClock, Timestamp},
    error::TokenError,
    testing::{TestIssuer, TestToken},
};

fn issuer() -> (TestIssuer, ManualClock) {
    let clock = ManualClock::new(Timestamp::from_millis(1_000_000_999));
    (TestIssuer::new().clock(clock.clone()), clock)
}

#[test]
fn a_token_is_good_and_says_what_it_was_told_to() {
    let (issuer, clock) = issuer();
    let token = issuer
        .token("alice")
        .scope("read write")
        .roles(["admin", "editor"])
        .claim("plan", 7)
        .claims(&serde_json::json!({ "team": "blue" }))
        .expires_in(Duration::from_secs(60));
    let verifier = issuer.verifier();
    let verified = verifier.verify(token.sign().expose()).unwrap();
    let claims = verified.claims();
    assert_eq!(claims.sub, "alice");
    assert_eq!(claims.scope.as_str(), "read write");
    assert_eq!(verified.roles().collect::<Vec<_>>(), ["admin", "editor"]);
    let private = verified.claims_as::<serde_json::Value>().unwrap().private;
    assert_eq!(
        (&private["plan"], &private["team"]),
        (&7.into(), &"blue".into())
    );

    clock.advance(Duration::from_secs(66));
    let token = token.sign();
    assert_eq!(
        verifier.verify(token.expose()).unwrap_err(),
        TokenError::Expired
    );
}

#[test]
fn a_bad_token_is_bad_for_the_reason_that_it_names() {
    let (issuer, _) = issuer();
    let verifier = issuer.verifier().leeway(Duration::from_secs(300)).unwrap();
    let why = |token: TestToken| verifier.verify(token.sign().expose()).unwrap_err();
    let token = || issuer.token("alice");
    assert_eq!(why(token().expired()), TokenError::Expired);
    assert_eq!(why(token().not_yet_valid()), TokenError::NotYetValid);
    assert_eq!(
        why(token().issued_by("https://evil.test")),
        TokenError::Issuer
    );
    assert_eq!(
        why(token().audience("https://other.test")),
        TokenError::Audience
    );
    assert_eq!(why(token().tampered()), TokenError::Signature);
    assert_eq!(why(token().signed_by_another()), TokenError::Signature);
    assert_eq!(why(token().unknown_key()), TokenError::UnknownKey);
    assert_eq!(why(token().typ("JWT")), TokenError::Type);
    assert_eq!(why(token().without("jti")), TokenError::Claims);
    assert_eq!(why(token().claim("sub", 7)), TokenError::Claims);
}

#[test]
fn an_application_keeps_its_own_verifier() {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let verifier = Verifier::new("https://id.example", "app", keys.verifying()).unwrap();
    let own = Issuer::new("https://id.example", "app", keys).unwrap();
    let token = TestIssuer::of(own).token("alice").bearer();
    assert!(token.is_sensitive());
    let token = token.to_str().unwrap().strip_prefix("Bearer ").unwrap();
    assert_eq!(verifier.verify(token).unwrap().claims().sub, "alice");
}

#[test]
fn an_audience_may_be_one_of_several() {
    let (issuer, _) = issuer();
    let token = issuer
        .token("alice")
        .audience([TestIssuer::AUDIENCE, "other"]);
    assert!(issuer.verifier().verify(token.sign().expose()).is_ok());
}
