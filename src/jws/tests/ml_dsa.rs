//! ML-DSA by the examples of RFC 9964, and the limits of its signatures.

use super::{MAX, only, open, read, signed};
use crate::{
    error::TokenError,
    jws::{Algorithm, SigningKey, compact::Compact, key::base64url},
};

/// The key of RFC 9964 appendix A, whose seed is 32 zeros, in PKCS#8 (RFC 9881 §6).
fn example(algorithm: Algorithm) -> SigningKey {
    let arc = match algorithm {
        Algorithm::MLDSA44 => 0x11,
        Algorithm::MLDSA65 => 0x12,
        _ => 0x13,
    };
    let mut der = vec![0x30, 0x34, 2, 1, 0, 0x30, 11, 6, 9];
    der.extend([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, arc]);
    der.extend([4, 34, 0x80, 32]);
    der.extend([0; 32]);
    SigningKey::from_der(algorithm, der).unwrap()
}

#[test]
fn rfc9964_appendix_a() {
    for (algorithm, kid, file) in [
        (
            Algorithm::MLDSA44,
            "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o",
            "44",
        ),
        (
            Algorithm::MLDSA65,
            "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM",
            "65",
        ),
        (
            Algorithm::MLDSA87,
            "tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU",
            "87",
        ),
    ] {
        let key = example(algorithm);
        assert_eq!(key.kid(), kid, "it covers the whole public key");
        let token = read(format!(
            "{}/tests/keys/rfc9964_ml_dsa_{file}.jws",
            env!("CARGO_MANIFEST_DIR")
        ));
        let keys = only(key.verifying_key());
        let payload = open(&keys, token.trim()).unwrap();
        assert_eq!(
            payload,
            "It’s a dangerous business, Frodo, going out your door.".as_bytes()
        );
    }
}

#[test]
fn a_signature_has_the_length_of_its_parameter_set() {
    for (algorithm, bytes) in [
        (Algorithm::MLDSA44, 2420),
        (Algorithm::MLDSA65, 3309),
        (Algorithm::MLDSA87, 4627),
    ] {
        let key = example(algorithm);
        let keys = only(key.verifying_key());
        let token = signed(&key, &format!(r#"{{"alg":"{algorithm}"}}"#), "{}");
        let (input, _) = token.rsplit_once('.').unwrap();
        let jws = Compact::parse(&token, MAX).unwrap();
        let signature = jws.with_signature(<[u8]>::to_vec).unwrap();
        assert_eq!(signature.len(), bytes);
        let open = |signature: &[u8]| open(&keys, &format!("{input}.{}", base64url(signature)));
        assert_eq!(open(&signature).as_deref(), Ok(&b"{}"[..]));
        assert_eq!(open(&signature[1..]), Err(TokenError::Signature));
        let longer = match algorithm {
            // No signature is longer, so that it is not even decoded.
            Algorithm::MLDSA87 => TokenError::Malformed,
            _ => TokenError::Signature,
        };
        assert_eq!(open(&[&*signature, &[0]].concat()), Err(longer));
        for at in [0, bytes / 2, bytes - 1] {
            let mut other = signature.clone();
            other[at] ^= 1;
            assert_eq!(open(&other), Err(TokenError::Signature), "{at}");
        }
    }
}
