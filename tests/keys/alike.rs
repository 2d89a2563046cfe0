//! What a key is does not depend on the back end: each of these has one verdict, and the tests of
//! keys run on both.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_bearer::{Algorithm, SigningKey, VerifyingKey, VerifyingKeys};

use crate::support::*;

/// The private keys of the files, in DER.
fn private() -> [(Algorithm, Vec<u8>); 8] {
    [
        (Algorithm::RS256, include_str!("rsa_pkcs8.pem")),
        (Algorithm::RS256, include_str!("rsa_pkcs1.pem")),
        (Algorithm::ES256, include_str!("p256_sec1.pem")),
        (Algorithm::ES384, include_str!("p384_sec1.pem")),
        (Algorithm::ES256, include_str!("p256_pkcs8.pem")),
        (Algorithm::EdDSA, include_str!("ed25519_pkcs8.pem")),
        (Algorithm::ES512, include_str!("p521_sec1.pem")),
        (Algorithm::ES512, include_str!("p521_pkcs8.pem")),
    ]
    .map(|(algorithm, pem)| (algorithm, pem_body(pem)))
}

fn public() -> [(Algorithm, Vec<u8>); 8] {
    [
        (Algorithm::RS256, include_str!("rsa_pkcs8.pub.pem")),
        (Algorithm::RS256, include_str!("rsa_pkcs1.pub.pem")),
        (Algorithm::ES256, include_str!("p256_sec1.pub.pem")),
        (Algorithm::ES384, include_str!("p384_sec1.pub.pem")),
        (Algorithm::ES256, include_str!("p256_pkcs8.pub.pem")),
        (Algorithm::EdDSA, include_str!("ed25519_pkcs8.pub.pem")),
        (Algorithm::ES512, include_str!("p521_sec1.pub.pem")),
        (Algorithm::ES512, include_str!("p521_pkcs8.pub.pem")),
    ]
    .map(|(algorithm, pem)| (algorithm, pem_body(pem)))
}

/// Adds an octet at the end of the value whose header is at `at`, and counts it in the headers at
/// `at` and `around`. The headers are those of the files' keys.
fn with_octet(der: &[u8], at: usize, around: &[usize]) -> Vec<u8> {
    let mut der = der.to_vec();
    let (header, length) = length_at(&der, at);
    der.insert(at + header + length, 0);
    for at in around.iter().chain([&at]) {
        let (header, length) = length_at(&der, *at);
        let bytes = (length + 1).to_be_bytes();
        let places = match header {
            2 => 1,
            _ => header - 2,
        };
        let from = at + header - places;
        der[from..at + header].copy_from_slice(&bytes[bytes.len() - places..]);
    }
    der
}

/// How long the header at `at` is, and how long the value behind it.
fn length_at(der: &[u8], at: usize) -> (usize, usize) {
    match der[at + 1] {
        short @ ..0x80 => (2, short.into()),
        long => {
            let bytes = &der[at + 2..][..usize::from(long & 0x7f)];
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (2 + bytes.len(), length)
        }
    }
}

#[test]
fn no_octet_may_follow_a_key() {
    for (algorithm, der) in private() {
        assert!(SigningKey::from_der(algorithm, &der).is_ok());
        wrong_format(SigningKey::from_der(algorithm, [&*der, &[0]].concat()));
        wrong_format(SigningKey::from_der(algorithm, with_octet(&der, 0, &[])));
        wrong_format(SigningKey::from_der(algorithm, &der[..der.len() - 1]));
    }
    for (algorithm, der) in public() {
        assert!(VerifyingKey::from_der(algorithm, &der).is_ok());
        wrong_format(VerifyingKey::from_der(algorithm, [&*der, &[0]].concat()));
        wrong_format(VerifyingKey::from_der(algorithm, with_octet(&der, 0, &[])));
        wrong_format(VerifyingKey::from_der(algorithm, &der[..der.len() - 1]));
    }
}

#[test]
fn no_octet_may_follow_what_a_key_holds() {
    let seed = pem_body(include_str!("ed25519_pkcs8.pem"));
    // SEQUENCE { INTEGER, SEQUENCE { OID }, OCTET STRING { OCTET STRING } }
    wrong_format(SigningKey::from_der(
        Algorithm::EdDSA,
        with_octet(&seed, 12, &[0]),
    ));
    wrong_format(SigningKey::from_der(
        Algorithm::EdDSA,
        with_octet(&seed, 14, &[12, 0]),
    ));
    let ec = pem_body(include_str!("p256_pkcs8.pem"));
    // SEQUENCE { INTEGER, SEQUENCE { OID, OID }, OCTET STRING { SEQUENCE { … } } }
    let inner = 5 + 2 + usize::from(ec[6 + if ec[1] < 0x80 { 0 } else { 1 }]);
    let inner = inner + if ec[1] < 0x80 { 0 } else { 1 };
    assert_eq!(ec[inner], 4, "an OCTET STRING");
    wrong_format(SigningKey::from_der(
        Algorithm::ES256,
        with_octet(&ec, inner, &[0]),
    ));
    let rsa = pem_body(include_str!("rsa_pkcs8.pub.pem"));
    // SEQUENCE { SEQUENCE { OID, NULL }, BIT STRING { SEQUENCE { … } } }
    let bits = 4 + 2 + usize::from(rsa[5]);
    assert_eq!(rsa[bits], 3, "a BIT STRING");
    wrong_format(VerifyingKey::from_der(
        Algorithm::RS256,
        with_octet(&rsa, bits, &[0]),
    ));
}

#[test]
fn an_ed25519_key_is_a_point_of_the_curve() {
    let mut refused = 0;
    for first in 2..34_u8 {
        let mut y = [0; 32];
        y[0] = first;
        let x = URL_SAFE_NO_PAD.encode(y);
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"{x}"}}"#);
        let spki = [
            &[
                0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
            ][..],
            &y,
        ]
        .concat();
        let is_point = is_point(first);
        assert_eq!(
            VerifyingKey::from_jwk(&jwk).is_ok(),
            is_point,
            "y = {first}"
        );
        assert_eq!(
            VerifyingKey::from_der(Algorithm::EdDSA, spki).is_ok(),
            is_point
        );
        let set = format!(r#"{{"keys":[{jwk}]}}"#);
        assert_eq!(VerifyingKeys::from_jwks(&set).is_ok(), is_point);
        refused += u32::from(!is_point);
    }
    assert_eq!(refused, 10);
}

/// Whether Ed25519 has a point with this `y`, worked out by another program.
fn is_point(y: u8) -> bool {
    const POINTS: [u8; 22] = [
        3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 19, 21, 23, 24, 25, 26, 27, 28, 29, 30, 32, 33,
    ];
    POINTS.contains(&y)
}

/// The two files' curves take the place of each other.
#[test]
fn a_sec1_key_names_its_own_curve() {
    let p256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let der = pem_body(include_str!("p256_sec1.pem"));
    let at = der
        .windows(p256.len())
        .position(|part| part == p256)
        .unwrap();
    // secp256k1, and prime192v1.
    for other in [
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x05, 0x00, 0x00][..],
        &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01],
    ] {
        let mut der = der.clone();
        der[at..at + p256.len()].copy_from_slice(other);
        wrong_format(SigningKey::from_der(Algorithm::ES256, der));
    }
    wrong_format(SigningKey::from_der(Algorithm::ES384, der));
}

#[test]
fn a_private_key_belongs_to_its_public_key() {
    for pem in [
        include_str!("p256_sec1.pem"),
        include_str!("p256_pkcs8.pem"),
    ] {
        let mut der = pem_body(pem);
        // The public point stands at the end.
        *der.last_mut().unwrap() ^= 1;
        wrong_format(SigningKey::from_der(Algorithm::ES256, der));
    }
}

/// RFC 5915 §3 leaves the public key optional.
#[test]
fn an_ec_key_without_its_public_key_is_read() {
    for (algorithm, pem, tag) in [
        (
            Algorithm::ES256,
            include_str!("p256_sec1.pem"),
            &[0xa1, 0x44][..],
        ),
        (
            Algorithm::ES512,
            include_str!("p521_sec1.pem"),
            &[0xa1, 0x81, 0x89],
        ),
    ] {
        let der = pem_body(pem);
        let whole = SigningKey::from_der(algorithm, &der).unwrap();
        let public = der.windows(tag.len()).position(|part| part == tag).unwrap();
        let (header, _) = length_at(&der, 0);
        let inner = &der[header..public];
        let mut short = vec![0x30, u8::try_from(inner.len()).unwrap()];
        short.extend(inner);
        let key = SigningKey::from_der(algorithm, short).unwrap();
        assert_eq!(key.kid(), whole.kid());
    }
}
