use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tower_bearer::{Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys, error::TokenError};

use crate::support::{LIFETIME, NOW, is_remembered, key, world, world_that_trusts};

#[test]
fn a_token_is_forgotten_with_its_key_and_only_with_its_own() {
    let world = world();
    let old = world.token("alice");
    world.keys.roll_over(key("second")).unwrap();
    let new = world.token("bob");
    let [alice, bob] = [&old, &new].map(|token| world.accept(token));
    assert!(is_remembered(&alice, &world.accept(&old)));

    assert!(world.keys.retire("first"));
    assert_eq!(
        world.verifier.verify(&old).unwrap_err(),
        TokenError::UnknownKey
    );
    assert!(is_remembered(&bob, &world.accept(&new)));
}

#[test]
fn another_key_of_the_same_name_is_another_key() {
    let world = world();
    let token = world.token("alice");
    world.accept(&token);
    world.keys.roll_over(key("second")).unwrap();
    assert!(world.keys.retire("first"));
    world
        .keys
        .add_verifying(key("first").verifying_key())
        .unwrap();
    assert_eq!(
        world.verifier.verify(&token).unwrap_err(),
        TokenError::Signature
    );
}

#[test]
fn a_key_that_comes_back_brings_its_tokens_back() {
    let mut world = world();
    let returning = key("returning");
    world.keys.roll_over(returning.clone()).unwrap();
    let token = world.token("alice");
    world.accept(&token);
    world.keys.roll_over(key("next")).unwrap();
    assert!(world.keys.retire("returning"));
    assert!(world.verifier.verify(&token).is_err());
    world.keys.add_verifying(returning.verifying_key()).unwrap();
    assert_eq!(world.accept(&token).claims().sub, "alice");
    world.verifier = world.verifier.without_cache();
    assert_eq!(world.accept(&token).claims().sub, "alice");
}

/// As a server does that is not the issuer.
#[test]
fn a_set_that_is_read_again_forgets_the_tokens_of_keys_that_have_left() {
    let [old, new] = ["old", "new"].map(|kid| {
        let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
        key.with_kid(kid).unwrap()
    });
    let keys = KeySet::new(old);
    let published = || VerifyingKeys::from_jwks(&keys.verifying().jwks()).unwrap();
    let trusted = published();
    let world = world_that_trusts(keys.clone(), trusted.clone());
    let token = world.token("alice");
    let first = world.accept(&token);

    trusted.replace(&published()).unwrap();
    assert!(is_remembered(&first, &world.accept(&token)), "the same set");
    keys.roll_over(new).unwrap();
    trusted.replace(&published()).unwrap();
    assert!(is_remembered(&first, &world.accept(&token)), "one more key");
    world.accept(&world.token("bob"));
    assert!(keys.retire("old"));
    trusted.replace(&published()).unwrap();
    let refused = world.verifier.verify(&token).unwrap_err();
    assert_eq!(refused, TokenError::UnknownKey);
}

#[test]
fn a_key_that_takes_anothers_name_does_not_take_its_tokens() {
    const SECRET: [u8; 64] = [7; 64];
    let named = |algorithm, secret: &[u8]| {
        let key = SigningKey::from_secret(algorithm, secret).unwrap();
        key.with_kid("k").unwrap()
    };
    let trust = |key: SigningKey| VerifyingKeys::new([key.verifying_key()]).unwrap();
    let own = named(Algorithm::HS256, &SECRET);
    for (other, refusal) in [
        (named(Algorithm::HS256, &[8; 64]), TokenError::Signature),
        (named(Algorithm::HS512, &SECRET), TokenError::Algorithm),
    ] {
        let trusted = trust(own.clone());
        let world = world_that_trusts(KeySet::new(own.clone()), trusted.clone());
        let token = world.token("alice");
        let first = world.accept(&token);
        trusted.replace(&trusted).unwrap();
        assert!(is_remembered(&first, &world.accept(&token)));
        trusted.replace(&trust(other)).unwrap();
        assert_eq!(world.verifier.verify(&token).unwrap_err(), refusal);
    }
}

/// Without a `kid` a token is good only while one key could be meant.
#[test]
fn a_second_key_makes_a_token_without_kid_ambiguous() {
    const SECRET: [u8; 32] = [7; 32];
    let world = world();
    let named = VerifyingKey::from_secret(Algorithm::HS384, [8; 48]).unwrap();
    let nameless = VerifyingKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let rolled = SigningKey::generate(Algorithm::EdDSA).unwrap();
    world.keys.roll_over(rolled).unwrap();
    assert!(world.keys.retire("first"));
    world.keys.add_verifying(nameless).unwrap();

    let token = without_kid(&SECRET);
    let first = world.accept(&token);
    world.keys.add_verifying(named).unwrap();
    assert!(
        is_remembered(&first, &world.accept(&token)),
        "another algorithm"
    );
    world
        .keys
        .add_verifying(key("twin").verifying_key())
        .unwrap();
    let refused = world.verifier.verify(&token).unwrap_err();
    assert_eq!(refused, TokenError::UnknownKey);
    assert!(world.keys.retire("twin"));
    assert!(world.verifier.verify(&token).is_ok());
}

fn without_kid(secret: &[u8]) -> String {
    let claims = json!({
        "iss": "issuer", "sub": "alice", "aud": "audience", "iat": NOW.as_secs(),
        "exp": (NOW + LIFETIME).as_secs(), "jti": "1", "client_id": "app",
    });
    let input = [json!({ "alg": "HS256", "typ": "at+jwt" }), claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(input.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{input}.{signature}")
}
