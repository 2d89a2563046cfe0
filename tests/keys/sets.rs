//! Keys at work: signing, verifying, publishing, rolling over.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys, error::TokenError,
    jws::KeyErrorKind,
};

use crate::support::*;

#[test]
fn every_algorithm_signs_verifies_and_survives_export() {
    for algorithm in ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let text = key.export_private().unwrap();
        let again = if is_secret(algorithm) {
            SigningKey::from_jwk(text.expose()).unwrap()
        } else {
            SigningKey::from_pem(algorithm, text.expose().as_bytes()).unwrap()
        };
        assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));

        let keys = KeySet::new(again);
        accepted(
            &VerifyingKeys::new([key.verifying_key()]).unwrap(),
            &token(&keys),
        );

        let other = SigningKey::generate(algorithm)
            .unwrap()
            .with_kid(key.kid())
            .unwrap();
        let strangers = VerifyingKeys::new([other.verifying_key()]).unwrap();
        assert_eq!(
            verify(&strangers, &token(&keys)),
            Err(TokenError::Signature),
            "{algorithm}"
        );
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_only() {
    let rsa = SigningKey::generate(Algorithm::RS256).unwrap();
    let pem = rsa.export_private().unwrap();
    let pss = SigningKey::from_pem(Algorithm::PS256, pem.expose().as_bytes()).unwrap();
    assert_eq!(rsa.kid(), pss.kid(), "it is the same key");
    let trusted = VerifyingKeys::new([rsa.verifying_key()]).unwrap();
    assert_eq!(
        verify(&trusted, &token(&KeySet::new(pss))),
        Err(TokenError::Algorithm)
    );
}

/// RFC 9864 §2.2.
#[test]
fn ed25519_goes_by_two_names() {
    let pem = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let pem = pem.export_private().unwrap();
    let names = [Algorithm::EdDSA, Algorithm::Ed25519];
    let [old, new] = names.map(|name| SigningKey::from_pem(name, pem.expose()).unwrap());
    assert_eq!(old.kid(), new.kid(), "it is the same key");
    for signing in [&old, &new] {
        let token = token(&KeySet::new(signing.clone()));
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
        let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
        assert_eq!(header["alg"], signing.algorithm().as_str());
        for verifying in [&old, &new] {
            let set = VerifyingKeys::new([verifying.verifying_key()]).unwrap();
            accepted(&set, &token);
            let jwks: Value = serde_json::from_str(&set.jwks()).unwrap();
            assert_eq!(jwks["keys"][0]["alg"], verifying.algorithm().as_str());
            accepted(&VerifyingKeys::from_jwks(&set.jwks()).unwrap(), &token);
        }
    }
    let jwk = |alg: &str| with(ED_PRIVATE, &[("alg", alg.into())]);
    assert_eq!(
        SigningKey::from_jwk(&jwk("Ed25519")).unwrap().algorithm(),
        Algorithm::Ed25519
    );
    for (wanted, alg) in [(names[0], "Ed25519"), (names[1], "EdDSA")] {
        let key = SigningKey::from_jwk_as(wanted, &jwk(alg)).unwrap();
        assert_eq!(key.algorithm(), wanted);
    }
    wrong_use(VerifyingKey::from_jwk_as(Algorithm::ES256, &jwk("Ed25519")));
}

#[test]
fn rolling_over_reaches_every_clone() {
    let first = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let keys = KeySet::new(first.clone());
    let (clone, trusted) = (keys.clone(), keys.verifying());
    let old = token(&keys);
    accepted(&trusted, &old);

    let next = SigningKey::generate(Algorithm::ES256).unwrap();
    keys.roll_over(next.clone()).unwrap();
    assert_eq!(clone.signing_algorithm(), Algorithm::ES256);
    let new = token(&clone);
    accepted(&trusted, &old);
    accepted(&trusted, &new);

    assert!(!keys.retire(next.kid()), "it signs");
    assert!(!keys.retire("unknown"));
    assert!(keys.retire(first.kid()));
    assert!(!keys.retire(first.kid()));
    assert_eq!(verify(&trusted, &old), Err(TokenError::UnknownKey));
    accepted(&trusted, &new);
}

#[test]
fn a_published_key_can_become_the_signing_one() {
    let next = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    keys.add_verifying(next.verifying_key()).unwrap();
    keys.roll_over(next.clone()).unwrap();
    accepted(
        &VerifyingKeys::new([next.verifying_key()]).unwrap(),
        &token(&keys),
    );

    let stranger = SigningKey::generate(Algorithm::EdDSA)
        .unwrap()
        .with_kid(next.kid())
        .unwrap();
    let duplicate = keys.roll_over(stranger.clone()).unwrap_err();
    assert_eq!(duplicate.kind(), KeyErrorKind::DuplicateKid);
    assert!(duplicate.to_string().contains(next.kid()), "{duplicate}");
    accepted(
        &VerifyingKeys::new([next.verifying_key()]).unwrap(),
        &token(&keys),
    );
    assert_eq!(
        refused(keys.add_verifying(stranger.verifying_key())),
        KeyErrorKind::DuplicateKid
    );
}

#[test]
fn a_set_is_replaced_for_all_who_have_it_but_not_a_key_sets() {
    let [first, second] =
        [(); 2].map(|()| KeySet::new(SigningKey::generate(Algorithm::ES256).unwrap()));
    let trusted = VerifyingKeys::from_jwks(&first.verifying().jwks()).unwrap();
    let clone = trusted.clone();
    accepted(&clone, &token(&first));

    trusted.replace(&second.verifying()).unwrap();
    accepted(&clone, &token(&second));
    assert_eq!(clone.jwks(), second.verifying().jwks());
    assert_eq!(verify(&clone, &token(&first)), Err(TokenError::UnknownKey));

    assert_eq!(
        refused(first.verifying().replace(&second.verifying())),
        KeyErrorKind::KeysOfAKeySet
    );
    accepted(&first.verifying(), &token(&first));
    // The set that was given is not the same set.
    second
        .roll_over(SigningKey::generate(Algorithm::ES256).unwrap())
        .unwrap();
    assert_ne!(clone.jwks(), second.verifying().jwks());
}

#[test]
fn sets_are_not_empty_and_name_each_key_once() {
    assert_eq!(refused(VerifyingKeys::new([])), KeyErrorKind::EmptySet);
    let key = VerifyingKey::from_jwk(RSA_PUBLIC).unwrap();
    let twice = VerifyingKeys::new([key.clone(), key.clone()]);
    assert_eq!(refused(twice), KeyErrorKind::DuplicateKid);
}

#[test]
fn a_jwks_shows_nothing_private() {
    for algorithm in ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let text = VerifyingKeys::new([key.verifying_key()]).unwrap().jwks();
        let set: Value = serde_json::from_str(&text).unwrap();
        let keys = set["keys"].as_array().unwrap();
        if is_secret(algorithm) {
            assert_eq!(text, r#"{"keys":[]}"#);
            continue;
        }
        let mut members: Vec<_> = keys[0].as_object().unwrap().keys().cloned().collect();
        members.retain(|name| {
            !["kty", "use", "alg", "kid", "crv", "n", "e", "x", "y"].contains(&&**name)
        });
        assert_eq!(members, Vec::<String>::new());
        assert_eq!(keys[0]["alg"], algorithm.as_str());
        assert_eq!(keys[0]["use"], "sig");
        assert_eq!(keys[0]["kid"], key.kid());
        accepted(
            &VerifyingKeys::from_jwks(&text).unwrap(),
            &token(&KeySet::new(key)),
        );
    }
}

#[test]
fn a_jwks_is_read_past_what_cannot_be_used() {
    let set = json!({ "keys": [
        { "kty": "RSA", "use": "enc" },
        { "kty": "unheard-of" },
        { "kty": "OKP", "crv": "X25519", "x": "AAAA" },
        { "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" },
        { "kty": "RSA", "alg": "RS256", "n": "AQAB", "e": "AQAB" },
        "no object",
        serde_json::from_str::<Value>(ED_PRIVATE).unwrap(),
    ]});
    let keys = VerifyingKeys::from_jwks(&set.to_string()).unwrap();
    let shown = format!("{keys:?} {}", keys.jwks());
    assert!(
        shown.contains("kPrK_qmx") && !shown.contains("nWGxne"),
        "{shown}"
    );

    assert_eq!(
        refused(VerifyingKeys::from_jwks(r#"{"keys":[]}"#)),
        KeyErrorKind::EmptySet
    );
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        wrong_format(VerifyingKeys::from_jwks(text));
    }
}

#[test]
fn without_a_kid_the_key_has_to_be_the_only_one() {
    // What no issuer of this crate leaves out is cut off and signed again by hand: HMAC over a
    // header without `kid` needs no more than the secret.
    let secret = SigningKey::from_secret(Algorithm::HS256, [7; 32]).unwrap();
    let set = |keys: Vec<SigningKey>| {
        VerifyingKeys::new(keys.iter().map(SigningKey::verifying_key)).unwrap()
    };
    let bare = without_kid(&token(&KeySet::new(secret.clone())), &[7; 32]);
    accepted(&set(vec![secret.clone()]), &bare);
    let other = SigningKey::generate(Algorithm::HS384).unwrap();
    accepted(&set(vec![secret.clone(), other]), &bare);
    let twin = SigningKey::generate(Algorithm::HS256).unwrap();
    assert_eq!(
        verify(&set(vec![secret, twin]), &bare),
        Err(TokenError::UnknownKey)
    );
}

fn without_kid(token: &str, secret: &[u8]) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"at+jwt"}"#);
    let input = format!("{header}.{payload}");
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
}

#[test]
fn debug_shows_no_key() {
    let secret = [0xfb; 32];
    let oct = SigningKey::from_secret(Algorithm::HS256, secret).unwrap();
    let ed = SigningKey::from_jwk(ED_PRIVATE).unwrap();
    let shown = format!(
        "{oct:?} {ed:?} {:?} {:?} {:?} {:?}",
        oct.verifying_key(),
        oct.export_private().unwrap(),
        KeySet::new(oct.clone()),
        KeySet::new(ed.clone()).verifying(),
    );
    for private in [
        "-_v7", "+/v7", "251", "fb, fb", "nWGxne", "9d61b1", "PRIVATE",
    ] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}
