//! What only the verifier sees of a set.

use serde_json::{Value, json};

use super::JwkSet;
use crate::jws::{Algorithm, KeyErrorKind, SigningKey};

fn jwk(key: &SigningKey) -> Value {
    key.verifying_key().jwk().unwrap()
}

fn read(keys: &[Value]) -> JwkSet {
    JwkSet::read(&json!({ "keys": keys }).to_string()).unwrap()
}

/// Microsoft Entra ID says so in the sets of all tenants.
#[test]
fn the_issuer_of_a_key_is_kept() {
    let [one, two] = [(); 2].map(|()| jwk(&SigningKey::generate(Algorithm::ES256).unwrap()));
    let mut limited = one.clone();
    limited["issuer"] = "https://login.example/tenant/v2.0".into();
    let set = read(&[limited.clone(), two]);
    let issuers: Vec<_> = set.keys().iter().map(|key| key.issuer()).collect();
    assert_eq!(issuers, [Some("https://login.example/tenant/v2.0"), None]);
    let renamed = set.keys()[0].clone().with_kid("other").unwrap();
    assert_eq!(renamed.issuer(), issuers[0]);

    let mut elsewhere = limited.clone();
    elsewhere["issuer"] = "https://login.example/other/v2.0".into();
    for other in [one, elsewhere] {
        let set = read(&[limited.clone(), other]);
        assert!(set.keys().is_empty(), "whose tokens it verifies is unclear");
    }
    limited["issuer"] = json!(["https://login.example/tenant/v2.0"]);
    let reason = read(&[limited]).skipped()[0].reason().kind();
    assert_eq!(reason, KeyErrorKind::Format);
}

#[test]
fn a_key_that_is_limited_later_is_another_key() {
    let key = jwk(&SigningKey::generate(Algorithm::ES256).unwrap());
    let mut limited = key.clone();
    limited["issuer"] = "https://login.example".into();
    let (trusted, next) = (read(&[key]), read(&[limited]));
    let limited = next.keys()[0].clone();
    let trusted = trusted.into_keys().unwrap();
    assert!(!trusted.holds(&limited));
    trusted.replace(&next.into_keys().unwrap()).unwrap();
    assert!(trusted.holds(&limited));
}

#[cfg(feature = "remote")]
#[test]
fn an_empty_set_can_be_filled() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let keys = crate::jws::VerifyingKeys::empty();
    assert!(!keys.holds(&key.verifying_key()));
    keys.replace(&read(&[jwk(&key)]).into_keys().unwrap())
        .unwrap();
    assert!(keys.holds(&key.verifying_key()));
}
