//! Keys of ML-DSA on a provider that has none.

use serde_json::json;
use tower_bearer::{
    Algorithm, SigningKey, VerifyingKey,
    jws::{CryptoProvider, JwkSetReader, KeyErrorKind},
};

use crate::support::*;

const SETS: [(Algorithm, usize); 3] = [
    (Algorithm::MLDSA44, 1750),
    (Algorithm::MLDSA65, 2603),
    (Algorithm::MLDSA87, 3456),
];

#[test]
fn keys_are_refused_by_the_name_of_the_back_end() {
    let provider = CryptoProvider::rust_crypto();
    for (algorithm, characters) in SETS {
        let signing = SigningKey::with_provider(provider);
        let error = signing.generate(algorithm).unwrap_err();
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
        assert_eq!(
            VerifyingKey::with_provider(provider)
                .from_jwk(&jwk)
                .unwrap_err(),
            error
        );
        assert_eq!(signing.from_jwk(&jwk).unwrap_err(), error);
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
        let reader = JwkSetReader::new().provider(CryptoProvider::rust_crypto());
        let text = json!({ "keys": [odd, jwk(&good)] }).to_string();
        let set = reader.read(&text).unwrap();
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
