//! No odd key changes what the good keys of a set verify.

use std::sync::LazyLock;

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, KeySet, SigningKey,
    error::TokenError,
    jws::{JwkSet, KeyErrorKind},
};

use crate::support::*;

struct Good {
    jwk: Value,
    token: String,
}

impl Good {
    fn new(key: SigningKey, hidden: &[&str]) -> Self {
        Self {
            jwk: without(jwk(&key), hidden),
            token: token(&KeySet::new(key)),
        }
    }
}

static GOOD: LazyLock<[Good; 4]> = LazyLock::new(|| {
    [
        Good::new(rsa(Algorithm::RS256), &["alg"]),
        Good::new(key(Algorithm::ES256, "shared"), &[]),
        Good::new(key(Algorithm::ES512, "shared"), &["alg"]),
        Good::new(SigningKey::generate(Algorithm::EdDSA).unwrap(), &["kid"]),
    ]
});

/// Values of the members that keys have, good ones among them.
fn value() -> impl Strategy<Value = String> {
    let names = [
        "\"RSA\"",
        "\"EC\"",
        "\"OKP\"",
        "\"oct\"",
        "\"AKP\"",
        "\"sig\"",
        "\"enc\"",
        "\"P-256\"",
        "\"P-521\"",
        "\"Ed25519\"",
        "\"X25519\"",
        "\"RS256\"",
        "\"ES256\"",
        "\"EdDSA\"",
        "\"ML-DSA-44\"",
        "\"none\"",
        "\"shared\"",
        "\"AQAB\"",
        "\"AAEAAQ\"",
        "\"\"",
        "[\"verify\"]",
        "[]",
        "null",
        "1e999",
        "-0",
        "{\"a\":1,\"a\":2}",
        "[[[[[[]]]]]]",
    ];
    let of_good = (
        0..GOOD.len(),
        select(vec!["kid", "n", "x", "y", "kty", "crv"]),
    )
        .prop_map(|(at, name)| GOOD[at].jwk.get(name).unwrap_or(&Value::Null).to_string());
    prop_oneof![
        4 => select(names.to_vec()).prop_map(str::to_owned),
        4 => of_good,
        1 => ".{0,12}".prop_map(|text| json!(text).to_string()),
    ]
}

fn member() -> impl Strategy<Value = String> {
    let names = [
        "kty", "use", "alg", "kid", "crv", "n", "e", "x", "y", "k", "d", "key_ops", "issuer", "x5c",
    ];
    (select(names.to_vec()), value()).prop_map(|(name, value)| format!("\"{name}\":{value}"))
}

/// Any object, any value, or a good key with some members more.
fn odd() -> impl Strategy<Value = String> {
    let members = || prop::collection::vec(member(), 0..8);
    let changed = (0..GOOD.len(), members(), any::<bool>()).prop_map(|(at, members, twice)| {
        let mut jwk = GOOD[at].jwk.clone();
        if twice {
            let text = jwk.to_string();
            return text.replacen(
                '{',
                &format!(
                    "{{{}",
                    members.iter().map(|m| format!("{m},")).collect::<String>()
                ),
                1,
            );
        }
        for member in members {
            let Ok(Value::Object(more)) = serde_json::from_str(&format!("{{{member}}}")) else {
                continue;
            };
            jwk.as_object_mut().unwrap().extend(more);
        }
        jwk.to_string()
    });
    prop_oneof![
        members().prop_map(|members| format!("{{{}}}", members.join(","))),
        changed,
        value(),
    ]
}

proptest! {
    #[test]
    fn an_odd_key_changes_nothing(odds in prop::collection::vec((odd(), 0..5_usize), 1..4)) {
        let mut keys: Vec<_> = GOOD.iter().map(|good| good.jwk.to_string()).collect();
        for (odd, at) in odds {
            keys.insert(at, odd);
        }
        let set = JwkSet::read(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap();
        // The one way to lose a key: another has its name.
        let twins: Vec<_> = set
            .skipped()
            .iter()
            .filter(|skipped| skipped.reason().kind() == KeyErrorKind::DuplicateKid)
            .map(|skipped| keys[skipped.position()].clone())
            .collect();
        let trusted = set.into_keys();
        for good in &*GOOD {
            let verdict = trusted.as_ref().map(|trusted| verify(trusted, &good.token));
            let own = good.jwk.to_string();
            if twins.contains(&own) {
                prop_assert!(twins.iter().any(|twin| *twin != own));
                let refused = [TokenError::UnknownKey, TokenError::Algorithm].map(Err);
                prop_assert!(verdict.map_or(true, |verdict| refused.contains(&verdict)));
            } else {
                prop_assert_eq!(verdict.unwrap(), Ok("alice".to_owned()));
            }
        }
    }
}
