//! Any bytes as a key or a key set: what is taken for a set is written as one that is read again,
//! and what is taken for an Ed25519 key is one to another implementation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_bearer::{
    Algorithm, SigningKey, VerifyingKey, VerifyingKeys,
    jws::{JwkSet, JwkSetReader},
};

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::ES512,
    Algorithm::EdDSA,
    Algorithm::Ed25519,
    Algorithm::MLDSA44,
];

fuzz_target!(|bytes: &[u8]| {
    for algorithm in ALGORITHMS {
        let _ = VerifyingKey::from_pem(algorithm, bytes);
        let _ = VerifyingKey::from_der(algorithm, bytes);
        let _ = SigningKey::from_pem(algorithm, bytes);
        let _ = SigningKey::from_der(algorithm, bytes);
    }
    if let Ok(x) = <&[u8; 32]>::try_from(bytes) {
        compare_ed25519(x);
    }
    let Ok(json) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = SigningKey::from_jwk(json);
    let _ = VerifyingKey::from_jwk(json);
    if let Ok(set) = JwkSetReader::new().without_secrets().read(json) {
        compare_sets(set, JwkSet::read(json).expect("the same text"));
    }
    if let Ok(keys) = VerifyingKeys::from_jwks(json) {
        // Secrets are not shown, so that a set of nothing else is empty.
        let shown = keys.jwks();
        if shown.contains("\"kty\"") {
            let again = VerifyingKeys::from_jwks(&shown).expect("its own set");
            assert_eq!(again.jwks(), shown);
        }
    }
});

/// Without secrets a set has the same public keys, and what is said of the others is short.
fn compare_sets(public: JwkSet, all: JwkSet) {
    assert!(public.keys().len() <= all.keys().len());
    for skipped in public.skipped() {
        assert!(skipped.to_string().len() < 8192);
    }
    if let Ok(public) = public.into_keys() {
        assert_eq!(
            public.jwks(),
            all.into_keys().expect("the same keys").jwks()
        );
    }
}

fn compare_ed25519(x: &[u8; 32]) {
    let spki = [
        &[
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ][..],
        x,
    ]
    .concat();
    let ours = VerifyingKey::from_der(Algorithm::EdDSA, spki).is_ok();
    let theirs = ed25519_dalek::VerifyingKey::from_bytes(x);
    // It takes numbers that are not reduced, which are no encoding of a point.
    let theirs = theirs.is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().0 == *x);
    assert_eq!(ours, theirs, "{x:02x?}");
}
