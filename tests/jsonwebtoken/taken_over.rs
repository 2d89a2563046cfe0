//! Access tokens of another program, as `jwt.sign({ id }, "secret", …)` writes them, until they expire.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tower_bearer::{
    ForeignAccessTokens, Issuer, KeySet, Scope, SigningKey, TokenProfile, TrustedIssuer, Verifier,
    clock::{ManualClock, Timestamp},
    error::{ConfigErrorKind, TokenError},
    jws::KeyErrorKind,
    profile::Discriminator,
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";
const NOW: i64 = 2_000_000_000;
const UNTIL: Timestamp = Timestamp::from_secs(NOW + 3600);

fn shape() -> TokenProfile {
    TokenProfile::jwt(Discriminator::absent(["purpose"])).subject_claims(["id", "_id", "userId"])
}

fn old() -> ForeignAccessTokens {
    ForeignAccessTokens::danger_from_any_secret("secret", shape(), UNTIL).unwrap()
}

fn keys() -> KeySet {
    KeySet::new(SigningKey::generate(tower_bearer::Algorithm::EdDSA).unwrap())
}

fn verifier(keys: &KeySet, tokens: ForeignAccessTokens) -> (Verifier, ManualClock) {
    let clock = ManualClock::new(Timestamp::from_secs(NOW));
    let own = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
    let own = own.clock(clock.clone());
    (own.danger_take_over(tokens).unwrap(), clock)
}

fn signed(secret: &str, algorithm: Algorithm, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes()).unwrap();
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn token(claims: &Value) -> String {
    signed("secret", Algorithm::HS256, claims)
}

fn claims() -> Value {
    json!({ "id": "65f0", "role": "admin", "iat": NOW - 60, "exp": NOW + 7200 })
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    token(&claims)
}

#[test]
fn an_old_token_is_one_of_this_issuers_user() {
    let (verifier, _clock) = verifier(&keys(), old().scope(Scope::from_static("read")));
    let verified = verifier.verify(&token(&claims())).unwrap();
    let claims = verified.claims();
    assert_eq!((&*claims.iss, &*claims.sub), (ISSUER, "65f0"));
    assert_eq!(claims.scope, Scope::from_static("read"));
    assert_eq!(
        (&claims.sid, claims.generation, claims.auth_time),
        (&None, None, None)
    );
    let private = verified.claims_as::<Value>().unwrap().private;
    assert_eq!(private["role"], "admin");
}

/// Rust's `jsonwebtoken` writes what the program's own type has, which is often no more than `sub` and `exp`.
#[test]
fn an_old_token_need_not_tell_when_it_was_issued() {
    let keys = keys();
    let (verifier, _clock) = verifier(&keys, old());
    let without = json!({ "id": "65f0", "exp": NOW + 60 });
    let verified = verifier.verify(&token(&without)).unwrap();
    assert_eq!(verified.claims().iat, Timestamp::from_secs(0));
    // One that says it wrongly, or of the future, is refused as any other.
    for wrong in [json!("now"), json!(NOW + 60)] {
        assert!(verifier.verify(&with("iat", wrong)).is_err());
    }
}

/// Whoever finds a short secret out can write into a token whatever they like.
#[test]
fn no_token_says_by_itself_what_it_allows() {
    let read = Scope::from_static("read");
    let (verifier, _clock) = verifier(&keys(), old().scope(read.clone()));
    let mut bold = claims();
    for (name, value) in [
        ("scope", json!("read admin")),
        ("acr", json!("mfa")),
        ("auth_time", json!(NOW)),
        ("client_id", json!("console")),
        ("roles", json!(["admin"])),
        ("amr", json!(["otp"])),
        ("groups", json!(["admins"])),
        ("entitlements", json!(["all"])),
    ] {
        bold[name] = value;
    }
    let verified = verifier.verify(&token(&bold)).unwrap();
    let claims = verified.claims();
    assert_eq!(claims.scope, read);
    assert_eq!(
        (&claims.acr, claims.auth_time, &claims.client_id),
        (&None, None, &None)
    );
    assert_eq!(verified.roles().count(), 0);
    assert!(claims.amr.is_empty() && claims.roles.is_empty());
    assert!(claims.groups.is_empty() && claims.entitlements.is_empty());
    let other = verifier.verify(&with("scope", json!("admin"))).unwrap();
    assert_eq!(other.claims().scope, Scope::empty());
    let twice = verifier.danger_take_over(old()).unwrap_err();
    assert_eq!(twice.kind(), ConfigErrorKind::Profile);
}

#[test]
fn it_passes_until_it_expires_and_no_longer_than_to_the_date() {
    let (verifier, clock) = verifier(&keys(), old());
    let (short, long) = (with("exp", json!(NOW + 60)), token(&claims()));
    for is_remembered in [false, true] {
        assert!(verifier.verify(&short).is_ok(), "{is_remembered}");
        assert!(verifier.verify(&long).is_ok(), "{is_remembered}");
    }
    clock.set(Timestamp::from_secs(NOW + 66));
    assert_eq!(verifier.verify(&short).unwrap_err(), TokenError::Expired);
    clock.set(Timestamp::from_secs(NOW + 3599));
    assert!(verifier.verify(&long).is_ok());
    clock.set(UNTIL);
    assert_eq!(verifier.verify(&long).unwrap_err(), TokenError::Expired);
    assert_eq!(
        verifier.without_cache().verify(&long).unwrap_err(),
        TokenError::Expired
    );
}

#[test]
fn what_is_none_of_them_is_refused() {
    let (verifier, _clock) = verifier(&keys(), old());
    let mut unending = claims();
    unending.as_object_mut().unwrap().remove("exp");
    for (what, text, error) in [
        (
            "another secret",
            signed("Secret", Algorithm::HS256, &claims()),
            TokenError::Signature,
        ),
        (
            "another algorithm",
            signed("secret", Algorithm::HS512, &claims()),
            TokenError::Issuer,
        ),
        (
            "the issuer's name",
            with("iss", json!(ISSUER)),
            TokenError::Type,
        ),
        (
            "another purpose",
            with("purpose", json!("reset")),
            TokenError::Type,
        ),
        (
            "a number for a user",
            with("id", json!(7)),
            TokenError::Claims,
        ),
        ("no end", token(&unending), TokenError::Claims),
        (
            "the future",
            with("iat", json!(NOW + 60)),
            TokenError::NotYetValid,
        ),
        ("an ID token", with("nonce", json!("n")), TokenError::Type),
    ] {
        let seen = verifier.verify(&text).unwrap_err();
        println!("{what}: {seen:?}");
        assert_eq!(seen, error, "{what}");
    }
}

/// Names of this crate mean nothing in it: it ends no session and confirms none.
#[test]
fn an_old_token_has_no_session() {
    let (verifier, _clock) = verifier(&keys(), old());
    let sid = "0192d3a0-0000-7000-8000-000000000001";
    let verified = verifier.verify(&with("sid", json!(sid))).unwrap();
    assert_eq!(verified.claims().session_id(), None);
}

#[test]
fn the_issuers_own_tokens_pass_as_before() {
    let keys = keys();
    let (verifier, _clock) = verifier(&keys, old());
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys).unwrap();
    let now = Timestamp::from_secs(NOW);
    let claims = issuer.claims("anna", now, std::time::Duration::from_secs(60));
    let own = issuer.sign(&claims).unwrap();
    assert!(verifier.verify(own.expose()).is_ok());
}

#[test]
fn it_has_to_be_clear_whose_users_they_are() {
    let trusted = |name| TrustedIssuer::new(name, AUDIENCE, keys().verifying()).unwrap();
    let several = Verifier::trusting([trusted(ISSUER), trusted("https://other.example")]);
    let error = several.unwrap().danger_take_over(old()).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Profile);
    let empty = ForeignAccessTokens::danger_from_any_secret("", shape(), UNTIL).unwrap_err();
    assert!(matches!(empty.kind(), KeyErrorKind::Weak { .. }));
}
