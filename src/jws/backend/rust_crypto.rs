//! The back end on the RustCrypto crates. Each key is prepared once, and not for each token.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, Payload},
};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey, pkcs8::KeypairBytes};
use getrandom::SysRng;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa as p256_ecdsa;
use p384::ecdsa as p384_ecdsa;
use p521::ecdsa as p521_ecdsa;
use rsa::{
    BoxedUint, Generate, PrivateKey as RsaPrivateKey, PublicKey as RsaPublicKey,
    pkcs8::EncodePrivateKey,
    signature::{Signer as _, Verifier as _},
    traits::{PrivateKeyParts, PublicKeyParts},
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Private, Public, Rejected, RsaPrivate, point};
use crate::jws::{
    Algorithm,
    algorithm::{Curve, Family},
};

const GENERATED_RSA_BITS: usize = 2048;

/// Whether there can be keys for the algorithm.
pub(in crate::jws) const fn supports(algorithm: Algorithm) -> bool {
    !matches!(algorithm.family(), Family::MlDsa(_))
}

/// A prepared key that signs.
pub(in crate::jws) enum Signer {
    Hmac(Secret),
    Rsa(Box<RsaPrivateKey>, Algorithm),
    P256(p256_ecdsa::SigningKey),
    P384(p384_ecdsa::SigningKey),
    P521(Box<p521_ecdsa::SigningKey>),
    Ed25519(SigningKey),
}

impl Signer {
    /// Generates an asymmetric key.
    pub(in crate::jws) fn generate(algorithm: Algorithm) -> Result<Self, Rejected> {
        Ok(match algorithm.family() {
            Family::Hmac { .. } | Family::MlDsa(_) => return Err(Rejected),
            Family::Rsa => {
                let key = RsaPrivateKey::new(&mut SysRng, GENERATED_RSA_BITS);
                return Self::rsa(algorithm, key);
            }
            Family::Ec(Curve::P256) => Self::P256(generate()?),
            Family::Ec(Curve::P384) => Self::P384(generate()?),
            Family::Ec(Curve::P521) => Self::P521(Box::new(generate()?)),
            Family::Ed25519 => Self::Ed25519(generate()?),
        })
    }

    pub(in crate::jws) fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        Secret::new(algorithm, secret).map(Self::Hmac)
    }

    /// Prepares a private key. It is refused if it does not belong to the public key, where there is
    /// one. An RSA key always has one.
    pub(in crate::jws) fn from_numbers(
        algorithm: Algorithm,
        public: Option<&Public>,
        private: &Private,
    ) -> Result<Self, Rejected> {
        let signer = match (algorithm.family(), public, private) {
            (Family::Rsa, Some(Public::Rsa { n, e }), Private::Rsa(private)) => {
                Self::rsa(algorithm, rsa_from_numbers(n, e, private))?
            }
            (Family::Ec(Curve::P256), _, Private::Ec { d }) => {
                Self::P256(p256_ecdsa::SigningKey::from_slice(d).map_err(reject)?)
            }
            (Family::Ec(Curve::P384), _, Private::Ec { d }) => {
                Self::P384(p384_ecdsa::SigningKey::from_slice(d).map_err(reject)?)
            }
            (Family::Ec(Curve::P521), _, Private::Ec { d }) => {
                let key = p521_ecdsa::SigningKey::from_slice(d).map_err(reject)?;
                Self::P521(Box::new(key))
            }
            (Family::Ed25519, _, Private::Ed25519 { d }) => {
                Self::Ed25519(SigningKey::try_from(d.as_slice()).map_err(reject)?)
            }
            _ => return Err(Rejected),
        };
        match public {
            Some(public) if signer.public()? != *public => Err(Rejected),
            _ => Ok(signer),
        }
    }

    fn rsa<E>(algorithm: Algorithm, key: Result<RsaPrivateKey, E>) -> Result<Self, Rejected> {
        let key = key.map_err(reject)?;
        key.validate().map_err(reject)?;
        Ok(Self::Rsa(Box::new(key), algorithm))
    }

    pub(in crate::jws) fn public(&self) -> Result<Public, Rejected> {
        match self {
            Self::Hmac(_) => Err(Rejected),
            Self::Rsa(key, _) => Ok(rsa_numbers(key.as_public_key())),
            Self::P256(key) => {
                Public::from_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Self::P384(key) => {
                Public::from_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Self::P521(key) => {
                Public::from_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Self::Ed25519(key) => Ok(Public::Ed25519 {
                x: key.verifying_key().as_bytes().to_vec(),
            }),
        }
    }

    pub(in crate::jws) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        let document = match self {
            Self::Hmac(_) => return Err(Rejected),
            Self::Rsa(key, _) => key.to_pkcs8_der(),
            Self::P256(key) => key.to_pkcs8_der(),
            Self::P384(key) => key.to_pkcs8_der(),
            Self::P521(key) => key.to_pkcs8_der(),
            // The crate's own writes the public key too (RFC 5958), and many programs do not read that.
            Self::Ed25519(key) => KeypairBytes {
                secret_key: key.to_bytes(),
                public_key: None,
            }
            .to_pkcs8_der(),
        };
        Ok(document.map_err(reject)?.to_bytes())
    }

    pub(in crate::jws) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        match self {
            Self::Hmac(secret) => secret.tag(message),
            Self::Rsa(key, algorithm) => match algorithm {
                Algorithm::RS256 => key.pkcs1v15_sign::<Sha256>(message),
                Algorithm::RS384 => key.pkcs1v15_sign::<Sha384>(message),
                Algorithm::RS512 => key.pkcs1v15_sign::<Sha512>(message),
                Algorithm::PS256 => key.pss_sign::<Sha256>(message),
                Algorithm::PS384 => key.pss_sign::<Sha384>(message),
                Algorithm::PS512 => key.pss_sign::<Sha512>(message),
                _ => return Err(Rejected),
            }
            .map_err(reject),
            Self::P256(key) => {
                let signature: p256_ecdsa::Signature = key.try_sign(message).map_err(reject)?;
                Ok(signature.to_vec())
            }
            Self::P384(key) => {
                let signature: p384_ecdsa::Signature = key.try_sign(message).map_err(reject)?;
                Ok(signature.to_vec())
            }
            Self::P521(key) => {
                let signature: p521_ecdsa::Signature = key.try_sign(message).map_err(reject)?;
                Ok(signature.to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
        }
    }
}

/// A prepared key that verifies.
pub(in crate::jws) enum Checker {
    Hmac(Secret),
    Rsa(RsaPublicKey, Algorithm),
    P256(p256_ecdsa::VerifyingKey),
    P384(p384_ecdsa::VerifyingKey),
    P521(p521_ecdsa::VerifyingKey),
    Ed25519(VerifyingKey),
}

impl Checker {
    pub(in crate::jws) fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        Secret::new(algorithm, secret).map(Self::Hmac)
    }

    /// Prepares a public key. A point that is not on the curve is refused.
    pub(in crate::jws) fn from_numbers(
        algorithm: Algorithm,
        public: &Public,
    ) -> Result<Self, Rejected> {
        Ok(match (algorithm.family(), public) {
            (Family::Rsa, Public::Rsa { n, e }) => {
                let number = BoxedUint::from_be_slice_vartime;
                let key = RsaPublicKey::new(number(n), number(e)).map_err(reject)?;
                Self::Rsa(key, algorithm)
            }
            (Family::Ec(Curve::P256), Public::Ec { x, y }) => {
                let key = p256_ecdsa::VerifyingKey::from_sec1_bytes(&point(x, y));
                Self::P256(key.map_err(reject)?)
            }
            (Family::Ec(Curve::P384), Public::Ec { x, y }) => {
                let key = p384_ecdsa::VerifyingKey::from_sec1_bytes(&point(x, y));
                Self::P384(key.map_err(reject)?)
            }
            (Family::Ec(Curve::P521), Public::Ec { x, y }) => {
                let key = p521_ecdsa::VerifyingKey::from_sec1_bytes(&point(x, y));
                Self::P521(key.map_err(reject)?)
            }
            (Family::Ed25519, Public::Ed25519 { x }) => {
                Self::Ed25519(VerifyingKey::try_from(x.as_slice()).map_err(reject)?)
            }
            _ => return Err(Rejected),
        })
    }

    /// Checks a signature, in constant time if the key is a secret.
    pub(in crate::jws) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(secret) => secret
                .tag(message)
                .is_ok_and(|tag| tag.ct_eq(signature).into()),
            Self::Rsa(key, algorithm) => match algorithm {
                Algorithm::RS256 => key.pkcs1v15_verify::<Sha256>(message, signature).is_ok(),
                Algorithm::RS384 => key.pkcs1v15_verify::<Sha384>(message, signature).is_ok(),
                Algorithm::RS512 => key.pkcs1v15_verify::<Sha512>(message, signature).is_ok(),
                Algorithm::PS256 => key.pss_verify::<Sha256>(message, signature).is_ok(),
                Algorithm::PS384 => key.pss_verify::<Sha384>(message, signature).is_ok(),
                Algorithm::PS512 => key.pss_verify::<Sha512>(message, signature).is_ok(),
                _ => false,
            },
            Self::P256(key) => p256_ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::P384(key) => p384_ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::P521(key) => p521_ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::Ed25519(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

/// The secret of an HMAC (RFC 7518 §3.2).
pub(in crate::jws) struct Secret(Algorithm, Zeroizing<Vec<u8>>);

impl Secret {
    fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, Rejected> {
        match algorithm.family() {
            Family::Hmac { .. } => Ok(Self(algorithm, secret.to_vec().into())),
            _ => Err(Rejected),
        }
    }

    fn tag(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        fn tag<M: Mac + KeyInit>(secret: &[u8], message: &[u8]) -> Result<Vec<u8>, Rejected> {
            let mac = M::new_from_slice(secret).map_err(reject)?;
            Ok(mac.chain_update(message).finalize().into_bytes().to_vec())
        }
        let Self(algorithm, secret) = self;
        match algorithm {
            Algorithm::HS256 => tag::<Hmac<Sha256>>(secret, message),
            Algorithm::HS384 => tag::<Hmac<Sha384>>(secret, message),
            Algorithm::HS512 => tag::<Hmac<Sha512>>(secret, message),
            _ => Err(Rejected),
        }
    }
}

fn generate<K: Generate>() -> Result<K, Rejected> {
    K::try_generate_from_rng(&mut SysRng).map_err(reject)
}

fn rsa_numbers(key: &RsaPublicKey) -> Public {
    Public::Rsa {
        n: key.n_bytes().into(),
        e: key.e_bytes().into(),
    }
}

/// Prepares an RSA key. The crate computes the CRT members itself; those of the key only have to be
/// the same.
fn rsa_from_numbers(n: &[u8], e: &[u8], private: &RsaPrivate) -> Result<RsaPrivateKey, Rejected> {
    let n = BoxedUint::from_be_slice_vartime(n);
    let precision = n.bits_precision();
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, precision).map_err(reject);
    let e = BoxedUint::from_be_slice_vartime(e);
    let primes = vec![number(&private.p)?, number(&private.q)?];
    let key = RsaPrivateKey::from_components(n, e, number(&private.d)?, primes).map_err(reject)?;
    let agrees = key.dp() == Some(&number(&private.dp)?)
        && key.dq() == Some(&number(&private.dq)?)
        && key.crt_coefficient() == Some(number(&private.qi)?);
    if agrees { Ok(key) } else { Err(Rejected) }
}

pub(in crate::jws) fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// AES-256-GCM (NIST SP 800-38D) under a key that is used for one message only, so that its nonce may be zero.
/// The tag is at the end of what comes out.
pub(in crate::jws) fn encrypt(
    key: &[u8; 32],
    context: &[u8],
    message: Vec<u8>,
) -> Result<Vec<u8>, Rejected> {
    let message = Zeroizing::new(message);
    let payload = Payload {
        msg: &message,
        aad: context,
    };
    let cipher = <Aes256Gcm as KeyInit>::new(key.into());
    cipher.encrypt(&[0; 12].into(), payload).map_err(reject)
}

/// What [`encrypt`] was given.
pub(in crate::jws) fn decrypt(
    key: &[u8; 32],
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Rejected> {
    let payload = Payload {
        msg: sealed,
        aad: context,
    };
    let cipher = <Aes256Gcm as KeyInit>::new(key.into());
    let message = cipher.decrypt(&[0; 12].into(), payload).map_err(reject)?;
    Ok(Zeroizing::new(message))
}

/// A key of HMAC-SHA-256 (RFC 2104).
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        // RFC 2104 §2: the key is filled up to a block, or replaced by its hash if it is longer. This
        // is done here because the function for keys of any length returns an error that never occurs.
        let mut block = Zeroizing::new([0; 64]);
        let hashed;
        let key = if key.len() > block.len() {
            hashed = Zeroizing::new(sha256(key));
            hashed.as_slice()
        } else {
            key
        };
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self(<Hmac<Sha256> as KeyInit>::new((&*block).into()))
    }

    /// The MAC of all parts in a row.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn reject<E>(_: E) -> Rejected {
    Rejected
}
