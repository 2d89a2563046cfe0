//! Keys of ML-DSA on a back end that has none.

use serde_json::json;
use tower_bearer::{Algorithm, SigningKey, VerifyingKey, jws::KeyErrorKind};

use crate::support::*;

const SETS: [(Algorithm, usize); 3] = [
    (Algorithm::MLDSA44, 1750),
    (Algorithm::MLDSA65, 2603),
    (Algorithm::MLDSA87, 3456),
];

#[test]
fn keys_are_refused_by_the_name_of_the_back_end() {
    for (algorithm, characters) in SETS {
        let error = SigningKey::generate(algorithm).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("unsupported algorithm: the crypto back end rust-crypto has no {algorithm}")
        );
        assert_eq!(error.kind(), KeyErrorKind::UnsupportedAlgorithm);
        let jwk = json!({
            "kty": "AKP",
            "alg": algorithm.as_str(),
            "pub": "A".repeat(characters),
            "priv": "A".repeat(43),
        })
        .to_string();
        assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap_err(), error);
        assert_eq!(SigningKey::from_jwk(&jwk).unwrap_err(), error);
    }
}

#[test]
fn they_are_left_out_of_a_set() {
    let good = key(Algorithm::ES256, "good");
    for (algorithm, characters) in SETS {
        let odd = json!({
            "kty": "AKP",
            "alg": algorithm.as_str(),
            "kid": "odd",
            "pub": "A".repeat(characters),
        });
        let set = read(&[odd, jwk(&good)]);
        let odd = (0, Some("odd"), KeyErrorKind::UnsupportedAlgorithm);
        assert_eq!(left_out(&set), [odd]);
        assert!(
            set.skipped()[0].to_string().contains("rust-crypto"),
            "{}",
            set.skipped()[0]
        );
        accepts(set, &[&good]);
    }
}
