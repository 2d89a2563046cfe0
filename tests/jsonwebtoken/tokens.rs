//! Tokens, signed on the one side and read on the other.

use tower_bearer::{Algorithm, VerifyingKeys, error::TokenError};

use crate::support::*;

#[test]
fn theirs_read_our_tokens() {
    for (here, there) in BOTH {
        let key = ours(here);
        let token = signed_here(&key);
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(
            (header.alg, header.kid.as_deref()),
            (there, Some(key.kid()))
        );
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(
            read_there(&jwk(&key), there, &token).unwrap(),
            "alice",
            "{here}"
        );

        let other = if is_secret(here) {
            Algorithm::HS256
        } else {
            here
        };
        let other = jwk(&tower_bearer::SigningKey::generate(other).unwrap());
        assert!(
            read_there(&other, there, &token).is_err(),
            "{here}: another key"
        );
    }
}

#[test]
fn ours_reads_their_tokens() {
    for (here, there) in BOTH {
        let key = ours(here);
        let header = header(there, key.kid());
        let token = jsonwebtoken::encode(&header, &claims(), &theirs(&key)).unwrap();
        let keys = trusted(&key);
        assert_eq!(read_here(&keys, &token).as_deref(), Ok("alice"), "{here}");

        let stranger = tower_bearer::SigningKey::generate(here).unwrap();
        let stranger = stranger.with_kid(key.kid()).unwrap();
        let forged = read_here(&trusted(&stranger), &token);
        assert_eq!(forged, Err(TokenError::Signature), "{here}");
    }
}

/// By the set that this crate publishes, with all keys in it, those that jsonwebtoken lacks included.
#[test]
fn a_published_set_is_read_there() {
    let mut algorithms: Vec<_> = BOTH.map(|(here, _)| here).to_vec();
    algorithms.extend([Algorithm::ES512, Algorithm::Ed25519]);
    algorithms.retain(|algorithm| !is_secret(*algorithm));
    let keys = algorithms.iter().map(|algorithm| {
        let key = ours(*algorithm);
        key.with_kid(algorithm.as_str()).unwrap()
    });
    let keys: Vec<_> = keys.collect();
    let published = VerifyingKeys::new(keys.iter().map(|key| key.verifying_key())).unwrap();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&published.jwks()).unwrap();
    assert_eq!(set.keys.len(), keys.len());
    for (here, there) in BOTH.into_iter().filter(|(here, _)| !is_secret(*here)) {
        let key = keys.iter().find(|key| key.algorithm() == here).unwrap();
        let token = signed_here(key);
        let header = jsonwebtoken::decode_header(&token).unwrap();
        let jwk = set.find(&header.kid.unwrap()).unwrap();
        assert!(jwk.is_supported(), "{here}");
        let jwk = serde_json::to_value(jwk).unwrap();
        assert_eq!(read_there(&jwk, there, &token).unwrap(), "alice", "{here}");
    }
    // It knows neither of them, so that an issuer for programs there signs with another.
    for lacking in [Algorithm::ES512, Algorithm::Ed25519] {
        let key = keys.iter().find(|key| key.algorithm() == lacking).unwrap();
        assert!(!set.find(key.kid()).unwrap().is_supported());
        assert!(jsonwebtoken::decode_header(signed_here(key)).is_err());
    }
}
