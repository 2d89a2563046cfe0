//! What the tests of keys have in common.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier, VerifyingKeys,
    clock::{ManualClock, Timestamp},
    error::TokenError,
    jws::{JwkSet, KeyError, KeyErrorKind},
};

pub(crate) const ISS: &str = "https://id.example";

pub(crate) const AUD: &str = "https://api.example";

pub(crate) const ALL: [Algorithm; 14] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
    Algorithm::Ed25519,
];

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

#[track_caller]
pub(crate) fn token(keys: &KeySet) -> String {
    let issuer = Issuer::new(ISS, AUD, keys.clone()).unwrap();
    let claims = issuer.claims("alice", now(), Duration::from_secs(300));
    issuer.sign(&claims).unwrap().expose().to_owned()
}

#[track_caller]
pub(crate) fn verify(keys: &VerifyingKeys, token: &str) -> Result<String, TokenError> {
    let verifier = Verifier::new(ISS, AUD, keys.clone())
        .unwrap()
        .clock(ManualClock::new(now()));
    verifier
        .verify(token)
        .map(|token| token.claims().sub.clone())
}

#[track_caller]
pub(crate) fn accepted(keys: &VerifyingKeys, token: &str) {
    assert_eq!(verify(keys, token).as_deref(), Ok("alice"));
}

pub(crate) fn pem_body(pem: &str) -> Vec<u8> {
    let last = &pem[pem.rfind("-----BEGIN").unwrap()..];
    let body: String = last.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

pub(crate) fn is_secret(algorithm: Algorithm) -> bool {
    algorithm.as_str().starts_with("HS")
}

/// RFC 7638 §3.1.
pub(crate) const RSA_PUBLIC: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256"}"#;

/// RFC 8037 appendix A.1.
pub(crate) const ED_PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// RFC 7515 appendix A.3.
pub(crate) const EC_PRIVATE: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

/// A JWK with other members.
#[track_caller]
pub(crate) fn with(jwk: &str, changes: &[(&str, Value)]) -> String {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    for (name, value) in changes {
        jwk[*name] = value.clone();
    }
    jwk.to_string()
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(key: Result<T, KeyError>) -> KeyErrorKind {
    key.unwrap_err().kind()
}

#[track_caller]
pub(crate) fn wrong_format<T: std::fmt::Debug>(key: Result<T, KeyError>) {
    assert_eq!(refused(key), KeyErrorKind::Format);
}

#[track_caller]
pub(crate) fn wrong_use<T: std::fmt::Debug>(key: Result<T, KeyError>) {
    assert_eq!(refused(key), KeyErrorKind::Use);
}

/// The key of the files, so that no test has to make one.
pub(crate) fn rsa(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_pem(algorithm, include_str!("rsa_pkcs8.pem")).unwrap()
}

#[track_caller]
pub(crate) fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
    let key = SigningKey::generate(algorithm).unwrap();
    key.with_kid(kid).unwrap()
}

/// The public JWK of a key.
#[track_caller]
pub(crate) fn jwk(key: &SigningKey) -> Value {
    let set = VerifyingKeys::new([key.verifying_key()]).unwrap();
    let set: Value = serde_json::from_str(&set.jwks()).unwrap();
    set["keys"][0].clone()
}

#[track_caller]
pub(crate) fn without(mut jwk: Value, names: &[&str]) -> Value {
    for name in names {
        jwk.as_object_mut().unwrap().remove(*name).unwrap();
    }
    jwk
}

pub(crate) fn changed(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

#[track_caller]
pub(crate) fn read(keys: &[Value]) -> JwkSet {
    JwkSet::read(&set(keys)).unwrap()
}

/// What was left out of a set: the place, the `kid` and the reason of each key.
pub(crate) fn left_out(set: &JwkSet) -> Vec<(usize, Option<&str>, KeyErrorKind)> {
    let skipped = set.skipped().iter();
    skipped
        .map(|key| (key.position(), key.kid(), key.reason().kind()))
        .collect()
}

#[track_caller]
pub(crate) fn accepts(set: JwkSet, keys: &[&SigningKey]) {
    let trusted = set.into_keys().unwrap();
    for key in keys {
        accepted(&trusted, &token(&KeySet::new((*key).clone())));
    }
}
