//! The back end on the RustCrypto crates: keys are read and made by them, signed and verified
//! with through jsonwebtoken's provider. The provider is named, never the process's default,
//! which panics unless exactly one back end is compiled in.
//!
//! Its signers are not `Sync`, so they are made for each call from keys that were checked when
//! they were loaded. RSA keys have at most 4096 bits here.

use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use hmac::{Hmac, Mac, digest::KeyInit};
use jsonwebtoken::{DecodingKey, EncodingKey, crypto::rust_crypto::DEFAULT_PROVIDER};
use rsa::{
    BigUint, RsaPrivateKey, RsaPublicKey,
    pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey},
    pkcs8::DecodePublicKey,
    rand_core::OsRng,
    traits::{PrivateKeyParts, PublicKeyParts},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Private, PrivateDer, Public, Rejected, RsaPrivate, point};
use crate::jws::{
    Algorithm,
    algorithm::{Curve, Family},
};

const GENERATED_RSA_BITS: usize = 2048;

/// A checked key that signs.
pub(in crate::jws) struct Signer {
    algorithm: jsonwebtoken::Algorithm,
    key: EncodingKey,
    /// Neither for a secret.
    public: Option<Public>,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl Signer {
    /// A new asymmetric key.
    pub(in crate::jws) fn generate(algorithm: Algorithm) -> Result<Self, Rejected> {
        match algorithm.family() {
            Family::Hmac { .. } => Err(Rejected),
            Family::Rsa => {
                let key = RsaPrivateKey::new(&mut OsRng, GENERATED_RSA_BITS);
                Self::rsa(algorithm, &key.map_err(reject)?)
            }
            Family::Ec(Curve::P256) => p256_keys::signer(&p256::SecretKey::random(&mut OsRng)),
            Family::Ec(Curve::P384) => p384_keys::signer(&p384::SecretKey::random(&mut OsRng)),
            Family::Ed25519 => Self::ed25519(&ed25519_dalek::SigningKey::generate(&mut OsRng)),
        }
    }

    pub(in crate::jws) fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        Ok(Self {
            algorithm: foreign(algorithm)?,
            key: EncodingKey::from_secret(secret),
            public: None,
            pkcs8: Zeroizing::default(),
        })
    }

    pub(in crate::jws) fn from_der(
        algorithm: Algorithm,
        format: PrivateDer,
        der: &[u8],
    ) -> Result<Self, Rejected> {
        match (algorithm.family(), format) {
            (Family::Rsa, PrivateDer::Pkcs8) => Self::rsa(
                algorithm,
                &RsaPrivateKey::from_pkcs8_der(der).map_err(reject)?,
            ),
            (Family::Rsa, PrivateDer::Pkcs1) => Self::rsa(
                algorithm,
                &RsaPrivateKey::from_pkcs1_der(der).map_err(reject)?,
            ),
            (Family::Ec(Curve::P256), format) => p256_keys::from_der(format, der),
            (Family::Ec(Curve::P384), format) => p384_keys::from_der(format, der),
            (Family::Ed25519, PrivateDer::Pkcs8) => {
                let key = ed25519_dalek::SigningKey::from_pkcs8_der(der);
                Self::ed25519(&key.map_err(reject)?)
            }
            _ => Err(Rejected),
        }
    }

    /// Refuses a private key that is not the public one's.
    pub(in crate::jws) fn from_numbers(
        algorithm: Algorithm,
        public: &Public,
        private: &Private,
    ) -> Result<Self, Rejected> {
        let signer = match (algorithm.family(), public, private) {
            (Family::Rsa, Public::Rsa { n, e }, Private::Rsa(private)) => {
                Self::rsa(algorithm, &rsa_from_numbers(n, e, private)?)?
            }
            (Family::Ec(Curve::P256), _, Private::Ec { d }) => {
                p256_keys::signer(&p256::SecretKey::from_slice(d).map_err(reject)?)?
            }
            (Family::Ec(Curve::P384), _, Private::Ec { d }) => {
                p384_keys::signer(&p384::SecretKey::from_slice(d).map_err(reject)?)?
            }
            (Family::Ed25519, _, Private::Ed25519 { d }) => {
                let seed = Zeroizing::new(<[u8; 32]>::try_from(d.as_slice()).map_err(reject)?);
                Self::ed25519(&ed25519_dalek::SigningKey::from_bytes(&seed))?
            }
            _ => return Err(Rejected),
        };
        if signer.public.as_ref() == Some(public) {
            Ok(signer)
        } else {
            Err(Rejected)
        }
    }

    fn rsa(algorithm: Algorithm, key: &RsaPrivateKey) -> Result<Self, Rejected> {
        key.validate().map_err(reject)?;
        let pkcs1 = key.to_pkcs1_der().map_err(reject)?;
        Ok(Self {
            algorithm: foreign(algorithm)?,
            key: EncodingKey::from_rsa_der(pkcs1.as_bytes()),
            public: Some(rsa_numbers(&key.to_public_key())),
            pkcs8: key.to_pkcs8_der().map_err(reject)?.to_bytes(),
        })
    }

    fn ed25519(key: &ed25519_dalek::SigningKey) -> Result<Self, Rejected> {
        let pkcs8 = key.to_pkcs8_der().map_err(reject)?.to_bytes();
        Ok(Self {
            algorithm: jsonwebtoken::Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(&pkcs8),
            public: Some(Public::Ed25519 {
                x: key.verifying_key().as_bytes().to_vec(),
            }),
            pkcs8,
        })
    }

    pub(in crate::jws) fn public(&self) -> Result<Public, Rejected> {
        self.public.clone().ok_or(Rejected)
    }

    pub(in crate::jws) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        Ok(self.pkcs8.clone())
    }

    pub(in crate::jws) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        let signer = (DEFAULT_PROVIDER.signer_factory)(&self.algorithm, &self.key);
        signer.map_err(reject)?.try_sign(message).map_err(reject)
    }
}

/// Both curves' crates have the same names, and no common trait that would say so in less.
macro_rules! curve {
    ($name:ident, $curve:ident, $algorithm:ident) => {
        mod $name {
            use super::{EncodingKey, PrivateDer, Public, Rejected, Signer, reject};
            use $curve::{
                SecretKey,
                elliptic_curve::sec1::ToEncodedPoint,
                pkcs8::{DecodePrivateKey, EncodePrivateKey},
            };

            pub(super) fn from_der(format: PrivateDer, der: &[u8]) -> Result<Signer, Rejected> {
                signer(&match format {
                    PrivateDer::Pkcs8 => SecretKey::from_pkcs8_der(der).map_err(reject)?,
                    PrivateDer::Sec1 => SecretKey::from_sec1_der(der).map_err(reject)?,
                    PrivateDer::Pkcs1 => return Err(Rejected),
                })
            }

            pub(super) fn signer(key: &SecretKey) -> Result<Signer, Rejected> {
                let pkcs8 = key.to_pkcs8_der().map_err(reject)?.to_bytes();
                let point = key.public_key().to_encoded_point(false);
                Ok(Signer {
                    algorithm: jsonwebtoken::Algorithm::$algorithm,
                    key: EncodingKey::from_ec_der(&pkcs8),
                    public: Some(Public::from_point(point.as_bytes())?),
                    pkcs8,
                })
            }
        }
    };
}

curve!(p256_keys, p256, ES256);
curve!(p384_keys, p384, ES384);

/// A checked key that verifies.
pub(in crate::jws) struct Checker {
    algorithm: jsonwebtoken::Algorithm,
    key: DecodingKey,
}

impl Checker {
    pub(in crate::jws) fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        Ok(Self {
            algorithm: foreign(algorithm)?,
            key: DecodingKey::from_secret(secret),
        })
    }

    /// Refuses a point that is not on the curve.
    pub(in crate::jws) fn from_numbers(
        algorithm: Algorithm,
        public: &Public,
    ) -> Result<Self, Rejected> {
        let key = match public {
            Public::Rsa { n, e } => {
                let number = BigUint::from_bytes_be;
                RsaPublicKey::new(number(n), number(e)).map_err(reject)?;
                DecodingKey::from_rsa_raw_components(n, e)
            }
            Public::Ec { x, y } => DecodingKey::from_ec_der(&point(x, y)),
            // The provider would panic on a shorter one.
            Public::Ed25519 { x } if x.len() == 32 => DecodingKey::from_ed_der(x),
            Public::Ed25519 { .. } => return Err(Rejected),
        };
        let algorithm = foreign(algorithm)?;
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key).map_err(reject)?;
        Ok(Self { algorithm, key })
    }

    /// In constant time where the key is a secret.
    pub(in crate::jws) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

/// Reads an RSA public key, SPKI (RFC 5280 §4.1) or PKCS#1 (RFC 8017 appendix A.1.1).
pub(in crate::jws) fn rsa_public(der: &[u8]) -> Result<Public, Rejected> {
    let key = RsaPublicKey::from_public_key_der(der)
        .or_else(|_| RsaPublicKey::from_pkcs1_der(der).map_err(reject))?;
    Ok(rsa_numbers(&key))
}

fn rsa_numbers(key: &RsaPublicKey) -> Public {
    Public::Rsa {
        n: key.n().to_bytes_be(),
        e: key.e().to_bytes_be(),
    }
}

/// The crate computes the CRT members itself; here they only have to agree.
fn rsa_from_numbers(n: &[u8], e: &[u8], private: &RsaPrivate) -> Result<RsaPrivateKey, Rejected> {
    let number = BigUint::from_bytes_be;
    let primes = vec![number(&private.p), number(&private.q)];
    let mut key = RsaPrivateKey::from_components(number(n), number(e), number(&private.d), primes)
        .map_err(reject)?;
    key.precompute().map_err(reject)?;
    let agrees = key.dp() == Some(&number(&private.dp))
        && key.dq() == Some(&number(&private.dq))
        && key.crt_coefficient() == Some(number(&private.qi));
    if agrees { Ok(key) } else { Err(Rejected) }
}

pub(in crate::jws) fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

pub(in crate::jws) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // RFC 2104 §2: the key filled up to a block, or its hash where it is longer. Done here
    // because the function that takes any length returns an error that never comes.
    let mut block = Zeroizing::new([0; 64]);
    let hashed;
    let key = if key.len() > block.len() {
        hashed = Zeroizing::new(sha256(key));
        hashed.as_slice()
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn foreign(algorithm: Algorithm) -> Result<jsonwebtoken::Algorithm, Rejected> {
    algorithm.as_str().parse().map_err(reject)
}

fn reject<E>(_: E) -> Rejected {
    Rejected
}
