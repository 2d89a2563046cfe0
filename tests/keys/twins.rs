//! Keys of one set that share a `kid`.

use serde_json::{Value, json};
use tower_bearer::{Algorithm, KeySet, VerifyingKeys, error::TokenError, jws::KeyErrorKind};

use crate::support::*;

/// keycloak's sets had one RSA key for each of its algorithms, under one kid (RFC 7517 §4.5).
#[test]
fn a_kid_may_be_that_of_keys_for_different_algorithms() {
    let [rs, ps] = [Algorithm::RS256, Algorithm::PS256].map(rsa);
    let ec = key(Algorithm::ES256, rs.kid());
    let all = [jwk(&rs), jwk(&ps), jwk(&ec)];
    let set = read(&all);
    assert!(set.skipped().is_empty());
    let trusted = set.clone().into_keys().unwrap();
    accepts(set, &[&rs, &ps, &ec]);
    let third = rsa(Algorithm::RS512);
    let refused = verify(&trusted, &token(&KeySet::new(third.clone())));
    assert_eq!(refused, Err(TokenError::Algorithm));
    // What was published by such an issuer is published again as it was.
    assert_eq!(
        serde_json::from_str::<Value>(&trusted.jwks()).unwrap()["keys"],
        json!(all)
    );
    // A key that stays in the set stays good for its tokens, and one that went away does not.
    trusted
        .replace(&read(&[jwk(&ec), jwk(&third)]).into_keys().unwrap())
        .unwrap();
    accepted(&trusted, &token(&KeySet::new(ec.clone())));
    accepted(&trusted, &token(&KeySet::new(third)));
    for gone in [rs, ps] {
        assert_eq!(
            verify(&trusted, &token(&KeySet::new(gone))),
            Err(TokenError::Algorithm)
        );
    }

    let enc = changed(jwk(&rsa(Algorithm::RS256)), "use", "enc");
    accepts(read(&[enc, jwk(&ec)]), &[&ec]);
}

/// The keys of a configuration share a kid by the same rule, and those of an issuer of this crate
/// do not.
#[test]
fn the_keys_of_a_key_set_have_one_kid_each() {
    let [rs, ps] = [Algorithm::RS256, Algorithm::PS256].map(rsa);
    let both = VerifyingKeys::new([rs.verifying_key(), ps.verifying_key()]).unwrap();
    accepted(&both, &token(&KeySet::new(ps.clone())));
    let keys = KeySet::new(rs);
    assert_eq!(
        refused(keys.add_verifying(ps.verifying_key())),
        KeyErrorKind::DuplicateKid
    );
    assert_eq!(refused(keys.roll_over(ps)), KeyErrorKind::DuplicateKid);
}

#[test]
fn a_key_that_is_listed_twice_counts_once() {
    let (one, other) = (key(Algorithm::EdDSA, "one"), key(Algorithm::ES256, "other"));
    let renamed = changed(jwk(&one), "alg", "Ed25519");
    let more = changed(jwk(&one), "x5t", "AAAA");
    let set = read(&[jwk(&one), jwk(&other), jwk(&one), renamed, more]);
    assert_eq!((set.keys().len(), set.skipped().len()), (2, 0));
    accepts(set, &[&one, &other]);
}

#[test]
fn keys_that_nothing_tells_apart_are_left_out() {
    let (one, two, good) = (
        key(Algorithm::EdDSA, "twin"),
        key(Algorithm::Ed25519, "twin"),
        key(Algorithm::ES256, "twin"),
    );
    let set = read(&[jwk(&one), jwk(&good), jwk(&two), jwk(&one)]);
    let twin = |at| (at, Some("twin"), KeyErrorKind::DuplicateKid);
    assert_eq!(left_out(&set), [twin(0), twin(2), twin(3)]);
    assert!(
        set.skipped()[0].to_string().contains("for EdDSA"),
        "{}",
        set.skipped()[0]
    );
    accepts(set, &[&good]);
}
