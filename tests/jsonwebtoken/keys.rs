//! Keys and sets of keys that one side has, read by the other.

use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, ThumbprintHash},
};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, SigningKey, VerifyingKey, VerifyingKeys,
    jws::{JwkSet, KeyErrorKind},
};

use crate::support::*;

/// A JWK made there of a private key of ours, in a set that goes over the wire.
#[test]
fn a_set_made_there_is_read_here() {
    let keys = BOTH.map(|(here, there)| (ours(here), there));
    let jwks = keys.each_ref().map(|(key, there)| {
        let mut jwk = Jwk::from_encoding_key(&theirs(key), *there).unwrap();
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).unwrap();
        assert_eq!(
            thumbprint,
            key.kid(),
            "the thumbprint of {}",
            key.algorithm()
        );
        // All RSA keys here are one key.
        jwk.common.key_id = Some(format!("{there:?}"));
        jwk
    });
    let (public, secret) = jwks.split_at(3);
    let (secret, public) = (public.to_vec(), secret.to_vec());
    for keys_of_one_kind in [secret, public] {
        let set = jsonwebtoken::jwk::JwkSet {
            keys: keys_of_one_kind,
        };
        let text = serde_json::to_string(&set).unwrap();
        let read = JwkSet::read(&text).unwrap();
        assert!(read.skipped().is_empty());
        assert_eq!(read.keys().len(), set.keys.len());
        let trusted = read.into_keys().unwrap();
        for (key, there) in &keys {
            if set.find(&format!("{there:?}")).is_none() {
                continue;
            }
            let header = header(*there, &format!("{there:?}"));
            let token = jsonwebtoken::encode(&header, &claims(), &theirs(key)).unwrap();
            assert_eq!(
                read_here(&trusted, &token).as_deref(),
                Ok("alice"),
                "{there:?}"
            );
        }
    }
}

/// The files that OpenSSL wrote.
#[test]
fn both_read_the_same_files() {
    type Read = fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>;
    let files: [(_, _, Read); 5] = [
        (
            Algorithm::RS256,
            include_str!("../keys/rsa_pkcs8.pub.pem"),
            DecodingKey::from_rsa_pem,
        ),
        (
            Algorithm::RS256,
            include_str!("../keys/rsa_pkcs1.pub.pem"),
            DecodingKey::from_rsa_pem,
        ),
        (
            Algorithm::ES256,
            include_str!("../keys/p256_pkcs8.pub.pem"),
            DecodingKey::from_ec_pem,
        ),
        (
            Algorithm::ES384,
            include_str!("../keys/p384_sec1.pub.pem"),
            DecodingKey::from_ec_pem,
        ),
        (
            Algorithm::EdDSA,
            include_str!("../keys/ed25519_pkcs8.pub.pem"),
            DecodingKey::from_ed_pem,
        ),
    ];
    for (algorithm, pem, read) in files {
        let here = VerifyingKey::from_pem(algorithm, pem).unwrap();
        let there = read(pem.as_bytes()).unwrap();
        let jwk = Jwk::from_decoding_key(&there, None).unwrap();
        assert_eq!(
            jwk.thumbprint(ThumbprintHash::SHA256).unwrap(),
            here.kid(),
            "{algorithm}"
        );
        let again = serde_json::to_string(&jwk).unwrap();
        let again = VerifyingKey::from_jwk_as(algorithm, &again).unwrap();
        assert_eq!(again.kid(), here.kid());
    }
}

/// There, keys are taken as they come.
#[test]
fn weak_keys_and_keys_for_something_else_are_refused_here_only() {
    let good = jwk(&ours(Algorithm::ES256));
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    for (odd, kind) in [
        (with("use", json!("enc")), KeyErrorKind::Use),
        (with("key_ops", json!(["sign"])), KeyErrorKind::Use),
    ] {
        assert!(DecodingKey::from_jwk(&serde_json::from_value(odd.clone()).unwrap()).is_ok());
        let refused = VerifyingKey::from_jwk(&odd.to_string()).unwrap_err();
        assert_eq!(refused.kind(), kind);
    }

    let short = b"secret";
    assert!(DecodingKey::from_secret(short).is_ok());
    let refused = SigningKey::from_secret(Algorithm::HS256, short).unwrap_err();
    assert!(matches!(
        refused.kind(),
        KeyErrorKind::Weak {
            bits: 48,
            minimum: 256,
            ..
        }
    ));

    let (n, e) = (format!("{}_w", "_".repeat(169)), "AQAB");
    assert!(DecodingKey::from_rsa_components(&n, e).is_ok());
    let short = json!({ "kty": "RSA", "alg": "RS256", "n": n, "e": e }).to_string();
    let refused = VerifyingKey::from_jwk(&short).unwrap_err();
    assert!(matches!(
        refused.kind(),
        KeyErrorKind::Weak {
            bits: 1024,
            minimum: 2048,
            ..
        }
    ));
}

/// One key that a strict reader cannot take costs it the whole set.
#[test]
fn a_set_with_an_odd_key_is_read_here() {
    let key = ours(Algorithm::ES256);
    let odd = json!({ "kty": "EC", "kid": 7, "crv": "P-256" });
    let text = json!({ "keys": [odd, jwk(&key)] }).to_string();
    assert!(serde_json::from_str::<jsonwebtoken::jwk::JwkSet>(&text).is_err());
    let trusted = VerifyingKeys::from_jwks(&text).unwrap();
    assert_eq!(
        read_here(&trusted, &signed_here(&key)).as_deref(),
        Ok("alice")
    );
}
