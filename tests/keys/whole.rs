//! What holds for a set as a whole: its form, its size, and whether it may have secrets.

use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, SigningKey, VerifyingKeys,
    jws::{JwkSet, JwkSetReader, KeyErrorKind},
};

use crate::support::*;

#[test]
fn a_secret_is_none_in_a_published_set() {
    let secret = SigningKey::from_secret(Algorithm::HS256, [7; 32]).unwrap();
    let secret: Value = serde_json::from_str(secret.export_private().unwrap().expose()).unwrap();
    let other = SigningKey::generate(Algorithm::HS512).unwrap();
    let other: Value = serde_json::from_str(other.export_private().unwrap().expose()).unwrap();
    let enc = json!({ "kty": "RSA", "use": "enc" });

    let only = set(&[secret.clone(), json!("no key"), other]);
    assert_eq!(JwkSet::read(&only).unwrap().keys().len(), 2);
    assert!(VerifyingKeys::from_jwks(&only).is_ok());
    let public = JwkSetReader::new().without_secrets().read(&only).unwrap();
    assert_eq!(public.keys().len(), 0);
    assert_eq!(refused(public.into_keys()), KeyErrorKind::EmptySet);
    // Nor if the public key beside it cannot be used.
    assert_eq!(
        refused(VerifyingKeys::from_jwks(&set(&[secret, enc]))),
        KeyErrorKind::EmptySet
    );
}

#[test]
fn a_set_has_a_limit() {
    let keys: Vec<_> = (0..500)
        .map(|at| changed(jwk(&key(Algorithm::ES256, "k")), "kid", format!("{at}")))
        .collect();
    assert_eq!(read(&keys).keys().len(), 500);
    let text = set(&vec![json!({}); 1001]);
    let error = VerifyingKeys::from_jwks(&text).unwrap_err();
    assert!(matches!(
        error.kind(),
        KeyErrorKind::TooManyKeys {
            keys: 1001,
            maximum: 1000,
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "the set has 1001 keys, at most 1000 are allowed"
    );
    let reader = JwkSetReader::new().max_keys(1001);
    assert_eq!(reader.read(&text).unwrap().skipped().len(), 1001);
    assert!(matches!(
        refused(reader.max_keys(499).read(&set(&keys))),
        KeyErrorKind::TooManyKeys { .. }
    ));
}

#[test]
fn an_empty_set_says_what_it_had() {
    let error = |keys: &[Value]| read(keys).into_keys().unwrap_err().to_string();
    assert_eq!(error(&[]), "the key set is empty");
    let enc = json!({ "kty": "RSA", "use": "enc" });
    let text = error(&[
        enc.clone(),
        enc,
        json!({ "kty": "AKP", "alg": "SLH-DSA-SHA2-128s" }),
    ]);
    assert!(
        text.starts_with("no key of the set can be used, 3 were left out: "),
        "{text}"
    );
    assert!(
        text.contains("its use is not sig") && text.contains("SLH-DSA-SHA2-128s"),
        "{text}"
    );
    // Nor is it longer if the set is.
    let many: Vec<_> = (0..1000)
        .map(|at| json!({ "kty": "RSA", "alg": format!("{at}{}", "\u{1f511}\n".repeat(300)) }))
        .collect();
    let text = error(&many);
    assert!(text.contains("996 for other reasons"), "{text}");
    assert!(text.len() < 5000 && !text.contains('\n'), "{text}");
}

#[test]
fn a_byte_order_mark_is_ignored() {
    let good = key(Algorithm::ES256, "good");
    let text = set(&[jwk(&good)]);
    accepts(JwkSet::read(&format!("\u{feff}{text}")).unwrap(), &[&good]);
    wrong_format(JwkSet::read(&format!("\u{feff}\u{feff}{text}")));
}

#[test]
fn what_is_no_set_is_refused() {
    let keys = set(&[jwk(&key(Algorithm::ES256, "good"))]);
    let list = format!("[{}]", &keys["{\"keys\":".len()..keys.len() - 1]);
    for text in [
        "",
        "null",
        "{}",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[}"#,
        "<!doctype html>",
        &list,
        &keys[..keys.len() - 1],
        &format!("{keys}x"),
    ] {
        wrong_format(JwkSet::read(text));
    }
    let error = JwkSet::read(r#"{"jwks_uri":"https://id.example/keys"}"#).unwrap_err();
    assert!(error.to_string().starts_with("it is no JWK Set"), "{error}");
}
