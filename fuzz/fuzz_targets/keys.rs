//! Any bytes as a key or a key set: what is taken for a set is written as one that is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_bearer::{Algorithm, SigningKey, VerifyingKey, VerifyingKeys};

const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

fuzz_target!(|bytes: &[u8]| {
    for algorithm in ALGORITHMS {
        let _ = VerifyingKey::from_pem(algorithm, bytes);
        let _ = VerifyingKey::from_der(algorithm, bytes);
        let _ = SigningKey::from_pem(algorithm, bytes);
        let _ = SigningKey::from_der(algorithm, bytes);
    }
    let Ok(json) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = SigningKey::from_jwk(json);
    let _ = VerifyingKey::from_jwk(json);
    if let Ok(keys) = VerifyingKeys::from_jwks(json) {
        // Secrets are not shown, so that a set of nothing else is empty.
        let shown = keys.jwks();
        if shown.contains("\"kty\"") {
            let again = VerifyingKeys::from_jwks(&shown).expect("its own set");
            assert_eq!(again.jwks(), shown);
        }
    }
});
