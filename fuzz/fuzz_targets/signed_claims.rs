//! Any payload under a genuine signature: what passes has claims that make it pass, which are those
//! that serde_json reads in it, and passes no more when it has expired, whether it is remembered or
//! not.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use tower_bearer::{VerifiedToken, Verifier, error::TokenError};
use tower_bearer_fuzz::{NOW, sign, verifier};

static VERIFIER: LazyLock<Verifier> = LazyLock::new(verifier);

fuzz_target!(|payload: &[u8]| {
    let token = sign(payload);
    let Ok(verified) = VERIFIER.verify_at(&token, NOW) else {
        return;
    };
    let claims = verified.claims();
    assert_eq!(claims.iss, "https://id.example");
    assert!(!claims.sub.is_empty());
    compare(&verified, payload);
    let again = VERIFIER.verify_at(&token, NOW);
    assert_eq!(again.as_ref().map(|token| token.claims()), Ok(claims));

    let leeway = std::time::Duration::from_secs(5);
    let late = VERIFIER.verify_at(&token, claims.exp + leeway);
    assert_eq!(late.err(), Some(TokenError::Expired));
});

fn compare(verified: &VerifiedToken, payload: &[u8]) {
    let read: Map<String, Value> = serde_json::from_slice(payload).expect("an object");
    let claims = verified
        .claims_as::<Map<String, Value>>()
        .expect("an object");
    for (name, claim) in [
        ("sub", Some(&claims.sub)),
        ("jti", claims.jti.as_ref()),
        ("client_id", claims.client_id.as_ref()),
        ("sid", claims.sid.as_ref()),
        ("acr", claims.acr.as_ref()),
    ] {
        assert_eq!(
            claim.map(String::as_str),
            read.get(name).and_then(Value::as_str)
        );
    }
    if let Some(exp) = read["exp"].as_i64() {
        assert_eq!(claims.exp.as_secs(), exp);
    }
    for (name, value) in &claims.private {
        assert_eq!(read.get(name), Some(value), "{name}");
    }
    // What is in it is registered, or the application's.
    let registered = |name: &String| tower_bearer::claims::REGISTERED.contains(&name.as_str());
    let missing = read
        .keys()
        .find(|name| !registered(name) && !claims.private.contains_key(*name));
    assert_eq!(missing, None);
}
