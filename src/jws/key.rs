//! The requirements for a key, whatever its format and its back end.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Algorithm, CryptoProvider, KeyError, KeyErrorKind,
    algorithm::{Curve, Family},
    backend::{self, Public, Rejected},
    der::{self, PrivateDer},
    edwards, roca,
};

/// RFC 7518 §3.3 requires 2048 bits. Above 8192 bits a signature is too expensive to check for
/// strangers.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Each token contains a `kid`, so it has to leave room for the rest.
pub(crate) const MAX_KID_BYTES: usize = 256;

/// The DER of a SubjectPublicKeyInfo before the key itself (RFC 5480 §2, RFC 8410 §4). Only named
/// curves and uncompressed points are in use, so that a fixed prefix is enough to read one.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P384_SPKI: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
const P521_SPKI: &[u8] = &[
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
    0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];
const ED25519_SPKI: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

pub(super) fn format_error(what: &'static str) -> KeyError {
    KeyError::new(
        KeyErrorKind::Format,
        format!("the key cannot be read: {what}"),
    )
}

pub(super) fn use_error(what: &'static str) -> KeyError {
    KeyError::new(KeyErrorKind::Use, what)
}

pub(super) fn rejected(_: Rejected) -> KeyError {
    format_error("it is not a valid private and public key of the algorithm")
}

/// Refuses a secret that is shorter than the hash (RFC 7518 §3.2).
pub(super) fn check_secret(algorithm: Algorithm, secret: &[u8]) -> Result<(), KeyError> {
    let Family::Hmac { hash_bytes } = algorithm.family() else {
        return Err(format_error("the algorithm takes a key pair, not a secret"));
    };
    if secret.len() < hash_bytes {
        return Err(weak(algorithm, secret.len() * 8, hash_bytes * 8));
    }
    Ok(())
}

fn weak(algorithm: Algorithm, bits: usize, minimum: usize) -> KeyError {
    KeyError::weak(&format!("{algorithm} key"), bits, minimum)
}

/// Refuses an algorithm that the back end has not.
pub(super) fn check_supported(
    provider: CryptoProvider,
    algorithm: Algorithm,
) -> Result<(), KeyError> {
    if backend::supports(provider, algorithm) {
        Ok(())
    } else {
        Err(KeyError::not_of(provider.name(), algorithm))
    }
}

/// Checks what a back end does not check, or not every one. Each refuses a point that is not on a
/// NIST curve.
pub(super) fn check_public(algorithm: Algorithm, public: &Public) -> Result<(), KeyError> {
    match (algorithm.family(), public) {
        (Family::Rsa, Public::Rsa { n, e }) => check_rsa(algorithm, n, e),
        (Family::Ec(curve), Public::Ec { x, y }) => {
            if [x.len(), y.len()] == [curve.coordinate_bytes(); 2] {
                Ok(())
            } else {
                Err(format_error(
                    "a coordinate has not the length that its curve asks for",
                ))
            }
        }
        (Family::Ed25519, Public::Ed25519 { x }) => check_ed25519(x),
        (Family::MlDsa(set), Public::MlDsa { key }) if key.len() == set.public_key_bytes() => {
            Ok(())
        }
        (Family::MlDsa(_), Public::MlDsa { .. }) => Err(format_error(
            "the ML-DSA public key has not the length of its parameter set",
        )),
        _ => Err(format_error("it is a key of another algorithm")),
    }
}

fn check_ed25519(x: &[u8]) -> Result<(), KeyError> {
    let point = x
        .try_into()
        .map_err(|_| format_error("an Ed25519 public key has 32 bytes"))?;
    if edwards::is_unfit(point) {
        return Err(format_error("the Ed25519 key is no point of full order"));
    }
    Ok(())
}

fn check_rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let [Some(n_first), Some(e_first)] = [n.first(), e.first()] else {
        return Err(format_error("an RSA number is empty"));
    };
    if *n_first == 0 || *e_first == 0 {
        return Err(format_error("an RSA number has leading zeros"));
    }
    let bits = n.len() * 8 - n_first.leading_zeros() as usize;
    if bits < *RSA_BITS.start() {
        return Err(weak(algorithm, bits, *RSA_BITS.start()));
    }
    if bits > *RSA_BITS.end() {
        return Err(format_error("an RSA key has at most 8192 bits"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    if !odd(n) {
        return Err(format_error("the RSA modulus is even"));
    }
    if !odd(e) || e == [1] || e.len() > 4 {
        return Err(format_error(
            "the RSA exponent is odd, at least 3 and below 2^32",
        ));
    }
    if roca::is_weak(n) {
        return Err(format_error(
            "the RSA key was made by a faulty library (CVE-2017-15361)",
        ));
    }
    Ok(())
}

/// Reads a public key in SPKI, or for RSA also in PKCS#1.
pub(super) fn public_from_der(algorithm: Algorithm, der: &[u8]) -> Result<Public, KeyError> {
    let after = |prefix| {
        der.strip_prefix(prefix).ok_or_else(|| {
            format_error("it is no SubjectPublicKeyInfo with an uncompressed key of the algorithm")
        })
    };
    match algorithm.family() {
        Family::Hmac { .. } => Err(format_error("the algorithm takes a secret, not a key pair")),
        Family::Rsa => der::rsa_public(der)
            .map_err(|_| format_error("it is no RSA public key of 2048 to 8192 bits")),
        Family::Ec(Curve::P256) => Public::from_point(after(P256_SPKI)?).map_err(rejected),
        Family::Ec(Curve::P384) => Public::from_point(after(P384_SPKI)?).map_err(rejected),
        Family::Ec(Curve::P521) => Public::from_point(after(P521_SPKI)?).map_err(rejected),
        Family::Ed25519 => Ok(Public::Ed25519 {
            x: after(ED25519_SPKI)?.to_vec(),
        }),
        Family::MlDsa(set) => der::ml_dsa_public(set, der)
            .map_err(|_| format_error("it is no SubjectPublicKeyInfo of the algorithm")),
    }
}

/// Reads the DER of a private key from a single PEM block (RFC 7468).
pub(super) fn private_from_pem(pem: &[u8]) -> Result<(PrivateDer, Zeroizing<Vec<u8>>), KeyError> {
    let (label, der) = one_block(pem)?;
    let format = match label.as_str() {
        "PRIVATE KEY" => PrivateDer::Pkcs8,
        "RSA PRIVATE KEY" => PrivateDer::Pkcs1,
        "EC PRIVATE KEY" => PrivateDer::Sec1,
        "ENCRYPTED PRIVATE KEY" => {
            return Err(format_error(
                "the private key is encrypted: decrypt it first",
            ));
        }
        _ => return Err(format_error("the PEM block is no private key")),
    };
    Ok((format, der))
}

/// Reads the DER of a public key from a single PEM block (RFC 7468).
pub(super) fn public_from_pem(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (label, der) = one_block(pem)?;
    match label.as_str() {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Ok(der),
        _ => Err(format_error("the PEM block is no public key")),
    }
}

fn one_block(pem: &[u8]) -> Result<(String, Zeroizing<Vec<u8>>), KeyError> {
    let mut found = None;
    for block in pem::parse_many(pem).map_err(|_| format_error("it is not PEM"))? {
        let label = block.tag().to_owned();
        let headers = block.headers().iter().next().is_some();
        let contents = Zeroizing::new(block.into_contents());
        // `openssl ecparam -genkey` writes the curve's name before the key, which contains it too.
        if label == "EC PARAMETERS" {
            continue;
        }
        if headers {
            return Err(format_error(
                "the private key is encrypted: decrypt it first",
            ));
        }
        if found.replace((label, contents)).is_some() {
            return Err(format_error("there is more than one PEM block"));
        }
    }
    found.ok_or_else(|| format_error("there is no PEM block"))
}

pub(super) fn check_kid(kid: String) -> Result<Arc<str>, KeyError> {
    if kid.is_empty() || kid.len() > MAX_KID_BYTES {
        return Err(format_error("a kid has 1 to 256 bytes"));
    }
    Ok(kid.into())
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The members of a public JWK that a thumbprint covers (RFC 7638 §3.2, RFC 8037 §2, RFC 9964 §6), in
/// lexicographic order, whether serde_json keeps the order of members or sorts them.
pub(super) fn public_members(algorithm: Algorithm, public: &Public) -> Value {
    match (public, algorithm.family()) {
        (Public::Rsa { n, e }, _) => {
            json!({ "e": base64url(e), "kty": "RSA", "n": base64url(n) })
        }
        (Public::Ec { x, y }, Family::Ec(curve)) => json!({
            "crv": curve.as_str(), "kty": "EC", "x": base64url(x), "y": base64url(y),
        }),
        (Public::Ec { .. }, _) => Value::Null,
        (Public::Ed25519 { x }, _) => {
            json!({ "crv": "Ed25519", "kty": "OKP", "x": base64url(x) })
        }
        (Public::MlDsa { key }, _) => {
            json!({ "alg": algorithm.as_str(), "kty": "AKP", "pub": base64url(key) })
        }
    }
}

/// The thumbprint of a public key (RFC 7638 §3): SHA-256 of the members without whitespace.
pub(super) fn thumbprint(provider: CryptoProvider, members: &Value) -> String {
    base64url(&backend::sha256(provider, members.to_string().as_bytes()))
}

/// The thumbprint of a secret (RFC 7638 §3.2). It reveals nothing about a random secret, just as
/// the HMAC of a token does not.
pub(super) fn secret_thumbprint(provider: CryptoProvider, secret: &[u8]) -> String {
    let text = Zeroizing::new(format!(r#"{{"k":"{}","kty":"oct"}}"#, *encoded(secret)));
    base64url(&backend::sha256(provider, text.as_bytes()))
}

pub(super) fn encoded(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(base64url(secret))
}
