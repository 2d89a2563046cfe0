//! Keys in DER, read in one way for all back ends: strictly, and without octets that belong to
//! nothing.

use pkcs1::{RsaPrivateKey, RsaPublicKey};
use pkcs8::{
    ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef,
    der::{
        Decode, Error, Reader, SliceReader,
        asn1::{OctetStringRef, UintRef},
    },
    spki::AlgorithmIdentifierRef,
};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::{
    Algorithm,
    algorithm::{Curve, Family, ParameterSet},
    backend::{MlDsaPrivate, Private, Public, Rejected, RsaPrivate},
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// The encodings of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrivateDer {
    /// PKCS#8 (RFC 5958).
    Pkcs8,
    /// PKCS#1, for RSA only (RFC 8017 appendix A.1.2).
    Pkcs1,
    /// SEC 1, for elliptic curves only (RFC 5915).
    Sec1,
}

/// Reads a private key, and the public key that comes with it, if one does.
pub(super) fn private(
    algorithm: Algorithm,
    format: PrivateDer,
    der: &[u8],
) -> Result<(Option<Public>, Private), Rejected> {
    match (format, algorithm.family()) {
        (PrivateDer::Pkcs8, _) => from_pkcs8(algorithm, der),
        (PrivateDer::Pkcs1, Family::Rsa) => rsa(der),
        (PrivateDer::Sec1, Family::Ec(curve)) => ec(curve, der, None),
        _ => Err(Rejected),
    }
}

fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<(Option<Public>, Private), Rejected> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(reject)?;
    let key = info.private_key.as_bytes();
    let public = info.public_key.map(|key| key.as_bytes().ok_or(Rejected));
    let public = public.transpose()?;
    match algorithm.family() {
        Family::Rsa if is_rsa(&info.algorithm) && public.is_none() => rsa(key),
        Family::Ec(curve) if is_on(curve, &info.algorithm) => ec(curve, key, public),
        Family::Ed25519 if info.algorithm.oid == ED25519 && info.algorithm.parameters.is_none() => {
            let seed = <&OctetStringRef>::from_der(key).map_err(reject)?.as_bytes();
            let public = public.map(|x| Public::Ed25519 { x: x.to_vec() });
            let d = of_length(seed, 32)?;
            Ok((public, Private::Ed25519 { d }))
        }
        Family::MlDsa(set) if is_of(set, &info.algorithm) => {
            let public = public.map(|key| Public::MlDsa { key: key.to_vec() });
            Ok((public, Private::MlDsa(ml_dsa(key)?)))
        }
        _ => Err(Rejected),
    }
}

/// Reads a signature of an elliptic curve (RFC 3279 §2.2.3), as r and s in full length.
pub(super) fn signature(curve: Curve, der: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut reader = SliceReader::new(der).map_err(reject)?;
    let numbers = reader.sequence(|sequence| {
        Ok::<_, Error>([UintRef::decode(sequence)?, UintRef::decode(sequence)?])
    });
    let numbers = numbers.map_err(reject)?;
    reader.finish().map_err(reject)?;
    let length = curve.coordinate_bytes();
    let mut signature = Vec::with_capacity(2 * length);
    for number in numbers.iter().map(UintRef::as_bytes) {
        let zeros = length.checked_sub(number.len()).ok_or(Rejected)?;
        signature.resize(signature.len() + zeros, 0);
        signature.extend_from_slice(number);
    }
    Ok(signature)
}

/// RFC 8017 appendix A.1 asks for parameters of NULL. Some programs leave them out.
fn is_rsa(algorithm: &AlgorithmIdentifierRef<'_>) -> bool {
    let parameters = &algorithm.parameters;
    algorithm.oid == RSA && parameters.is_none_or(|parameters| parameters.is_null())
}

/// Only named curves are in use (RFC 5480 §2.1.1).
fn is_on(curve: Curve, algorithm: &AlgorithmIdentifierRef<'_>) -> bool {
    let named = algorithm.parameters_oid().ok();
    algorithm.oid == EC && named == Some(identifier(curve))
}

fn identifier(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::P256 => P256,
        Curve::P384 => P384,
        Curve::P521 => P521,
    }
}

/// RFC 9881 §2 forbids parameters.
fn is_of(set: ParameterSet, algorithm: &AlgorithmIdentifierRef<'_>) -> bool {
    let identifier = match set {
        ParameterSet::MlDsa44 => ML_DSA_44,
        ParameterSet::MlDsa65 => ML_DSA_65,
        ParameterSet::MlDsa87 => ML_DSA_87,
    };
    algorithm.oid == identifier && algorithm.parameters.is_none()
}

/// Reads a private key of ML-DSA (RFC 9881 §6): the seed, or the seed and the key that is made from it. That
/// key alone is refused, because a JWK has the seed (RFC 9964 §3).
fn ml_dsa(der: &[u8]) -> Result<MlDsaPrivate, Rejected> {
    const SEED: usize = 32;
    // [0] IMPLICIT OCTET STRING (SIZE (32))
    if let Some(seed) = der.strip_prefix(&[0x80, 0x20]) {
        let seed = of_length(seed, SEED)?;
        return Ok(MlDsaPrivate {
            seed,
            expanded: None,
        });
    }
    let mut reader = SliceReader::new(der).map_err(reject)?;
    let (seed, expanded) = reader
        .sequence(|both| {
            let seed = <&OctetStringRef>::decode(both)?;
            Ok::<_, Error>((seed, <&OctetStringRef>::decode(both)?))
        })
        .map_err(reject)?;
    reader.finish().map_err(reject)?;
    Ok(MlDsaPrivate {
        seed: of_length(seed.as_bytes(), SEED)?,
        expanded: Some(Zeroizing::new(expanded.as_bytes().to_vec())),
    })
}

fn rsa(der: &[u8]) -> Result<(Option<Public>, Private), Rejected> {
    let key = RsaPrivateKey::<UintRef<'_>>::try_from(der).map_err(reject)?;
    if key.other_prime_infos.is_some() {
        return Err(Rejected);
    }
    let public = Public::Rsa {
        n: key.modulus.as_bytes().to_vec(),
        e: key.public_exponent.as_bytes().to_vec(),
    };
    let number = |number: UintRef<'_>| Zeroizing::new(number.as_bytes().to_vec());
    let private = RsaPrivate {
        d: number(key.private_exponent),
        p: number(key.prime1),
        q: number(key.prime2),
        dp: number(key.exponent1),
        dq: number(key.exponent2),
        qi: number(key.coefficient),
    };
    Ok((Some(public), Private::Rsa(Box::new(private))))
}

/// Reads an elliptic curve's private key. `outer` is a public key that stands around it.
fn ec(
    curve: Curve,
    der: &[u8],
    outer: Option<&[u8]>,
) -> Result<(Option<Public>, Private), Rejected> {
    let key = EcPrivateKey::try_from(der).map_err(reject)?;
    let named = key.parameters.map(|EcParameters::NamedCurve(curve)| curve);
    if named.is_some_and(|named| named != identifier(curve)) {
        return Err(Rejected);
    }
    let public = match (key.public_key, outer) {
        (Some(inner), Some(outer)) if inner != outer => return Err(Rejected),
        (inner, outer) => inner.or(outer),
    };
    let public = public.map(Public::from_point).transpose()?;
    let d = of_length(key.private_key, curve.coordinate_bytes())?;
    Ok((public, Private::Ec { d }))
}

fn of_length(bytes: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Rejected> {
    if bytes.len() == length {
        Ok(Zeroizing::new(bytes.to_vec()))
    } else {
        Err(Rejected)
    }
}

/// Reads an RSA public key, SPKI (RFC 5280 §4.1) or PKCS#1 (RFC 8017 appendix A.1.1).
pub(super) fn rsa_public(der: &[u8]) -> Result<Public, Rejected> {
    let key = match SubjectPublicKeyInfoRef::try_from(der) {
        Ok(info) if is_rsa(&info.algorithm) => {
            info.subject_public_key.as_bytes().ok_or(Rejected)?
        }
        Ok(_) => return Err(Rejected),
        Err(_) => der,
    };
    let key = RsaPublicKey::<UintRef<'_>>::try_from(key).map_err(reject)?;
    Ok(Public::Rsa {
        n: key.modulus.as_bytes().to_vec(),
        e: key.public_exponent.as_bytes().to_vec(),
    })
}

/// Reads a public key of ML-DSA (RFC 9881 §4).
pub(super) fn ml_dsa_public(set: ParameterSet, der: &[u8]) -> Result<Public, Rejected> {
    let info = SubjectPublicKeyInfoRef::try_from(der).map_err(reject)?;
    match info.subject_public_key.as_bytes() {
        Some(key) if is_of(set, &info.algorithm) => Ok(Public::MlDsa { key: key.to_vec() }),
        _ => Err(Rejected),
    }
}

fn reject<E>(_: E) -> Rejected {
    Rejected
}
