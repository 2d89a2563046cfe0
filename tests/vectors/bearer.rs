//! Published examples that are no access tokens. Signed well or not, none passes as a bearer.

use std::{fs, path::Path};

use serde_json::Value;
use tower_bearer::{Algorithm, TokenProfile, Verifier, VerifyingKey, VerifyingKeys};

use crate::{
    folder::published,
    material::{AUD, ISS},
};

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// A verifier that trusts the example's own key, so that it is not for the key that it refuses.
#[track_caller]
fn refuses(key: VerifyingKey, token: &str) {
    let keys = VerifyingKeys::new([key]).unwrap();
    let profile = TokenProfile::rfc9068().danger_allow_missing_client_id();
    let verifier = Verifier::new(ISS, AUD, keys)
        .unwrap()
        .profile(profile)
        .unwrap();
    assert!(verifier.verify(token.trim()).is_err());
}

#[test]
fn rfc7515_examples_are_no_access_tokens() {
    let Some(folder) = published("rfc7515-7517") else {
        return;
    };
    let examples = [
        ("A.1.jwsc", "A.1.jwk", Algorithm::HS256),
        ("A.2.jwsc", "A.2.jwk", Algorithm::RS256),
        ("A.3.jwsc", "A.3.jwk", Algorithm::ES256),
        ("A.4.jwsc", "A.3.jwk", Algorithm::ES256),
        ("A.5.jwsc", "A.3.jwk", Algorithm::ES256),
        ("A.6.jwsg", "A.6.1.jwk", Algorithm::RS256),
        ("A.7.jwsf", "A.6.2.jwk", Algorithm::ES256),
    ];
    for (token, key, algorithm) in examples {
        let read = |file| read(folder.join(format!("rfc7515_{file}")));
        refuses(
            VerifyingKey::from_jwk_as(algorithm, &read(key)).unwrap(),
            &read(token),
        );
    }
    println!("{} examples", examples.len());
}

#[test]
fn rfc7520_examples_are_no_access_tokens() {
    let Some(folder) = published("rfc7520-cookbook") else {
        return;
    };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = read(entry.unwrap().path());
        let Ok(Value::Object(example)) = serde_json::from_str(&text) else {
            continue;
        };
        let Some(Value::Object(output)) = example.get("output") else {
            continue;
        };
        for form in output.values() {
            let token = form
                .as_str()
                .map_or_else(|| form.to_string(), str::to_owned);
            refuses(own_key(&example["input"]), &token);
            count += 1;
        }
    }
    println!("{count} forms of the examples");
    assert_eq!(count, 31);
}

/// The example's key, or any where there are several or it is of no use here.
fn own_key(input: &Value) -> VerifyingKey {
    input["alg"]
        .as_str()
        .and_then(|name| name.parse().ok())
        .and_then(|algorithm| VerifyingKey::from_jwk_as(algorithm, &input["key"].to_string()).ok())
        .unwrap_or_else(|| VerifyingKey::from_secret(Algorithm::HS256, [7; 32]).unwrap())
}

#[test]
fn rfc9449_proofs_are_no_access_tokens() {
    let Some(folder) = published("rfc9449") else {
        return;
    };
    let file: Value = serde_json::from_str(&read(folder.join("dpop_examples.json"))).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let key = match case.pointer("/header/jwk") {
            Some(jwk) => VerifyingKey::from_jwk(&jwk.to_string()).unwrap(),
            None => VerifyingKey::from_secret(Algorithm::HS256, [7; 32]).unwrap(),
        };
        refuses(key, case["token"].as_str().unwrap());
    }
    assert_eq!(cases.len(), 3);
}
