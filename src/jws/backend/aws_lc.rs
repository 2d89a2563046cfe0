//! The back end on aws-lc-rs. Each key is prepared once, and not for each token.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement,
    constant_time::verify_slices_are_equal,
    digest,
    encoding::{AsDer, AsRawBytes, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPairComponents, KeySize, RsaParameters},
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ParsedPublicKey,
        PqdsaKeyPair, PqdsaSigningAlgorithm, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
        RsaSubjectPublicKey, Signature, VerificationAlgorithm,
    },
};
use zeroize::Zeroizing;

use super::{MlDsaPrivate, Private, Public, Rejected, point};
use crate::jws::Algorithm;

/// Whether there can be keys for the algorithm.
pub(in crate::jws) const fn supports(_: Algorithm) -> bool {
    true
}

/// A prepared key that signs.
pub(in crate::jws) enum Signer {
    Hmac(Box<hmac::Key>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

/// What aws-lc-rs needs to know of an algorithm.
enum Scheme {
    Hmac(hmac::Algorithm),
    Rsa(&'static dyn RsaEncoding, &'static RsaParameters),
    Ec(
        &'static EcdsaSigningAlgorithm,
        &'static dyn VerificationAlgorithm,
    ),
    Ed25519,
    MlDsa(
        &'static PqdsaSigningAlgorithm,
        &'static dyn VerificationAlgorithm,
    ),
}

fn scheme(algorithm: Algorithm) -> Scheme {
    use signature as s;
    match algorithm {
        Algorithm::HS256 => Scheme::Hmac(hmac::HMAC_SHA256),
        Algorithm::HS384 => Scheme::Hmac(hmac::HMAC_SHA384),
        Algorithm::HS512 => Scheme::Hmac(hmac::HMAC_SHA512),
        Algorithm::RS256 => Scheme::Rsa(&s::RSA_PKCS1_SHA256, &s::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Scheme::Rsa(&s::RSA_PKCS1_SHA384, &s::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Scheme::Rsa(&s::RSA_PKCS1_SHA512, &s::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Scheme::Rsa(&s::RSA_PSS_SHA256, &s::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Scheme::Rsa(&s::RSA_PSS_SHA384, &s::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Scheme::Rsa(&s::RSA_PSS_SHA512, &s::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Scheme::Ec(
            &s::ECDSA_P256_SHA256_FIXED_SIGNING,
            &s::ECDSA_P256_SHA256_FIXED,
        ),
        Algorithm::ES384 => Scheme::Ec(
            &s::ECDSA_P384_SHA384_FIXED_SIGNING,
            &s::ECDSA_P384_SHA384_FIXED,
        ),
        Algorithm::ES512 => Scheme::Ec(
            &s::ECDSA_P521_SHA512_FIXED_SIGNING,
            &s::ECDSA_P521_SHA512_FIXED,
        ),
        Algorithm::EdDSA | Algorithm::Ed25519 => Scheme::Ed25519,
        Algorithm::MLDSA44 => Scheme::MlDsa(&s::ML_DSA_44_SIGNING, &s::ML_DSA_44),
        Algorithm::MLDSA65 => Scheme::MlDsa(&s::ML_DSA_65_SIGNING, &s::ML_DSA_65),
        Algorithm::MLDSA87 => Scheme::MlDsa(&s::ML_DSA_87_SIGNING, &s::ML_DSA_87),
    }
}

impl Signer {
    /// Generates an asymmetric key.
    pub(in crate::jws) fn generate(algorithm: Algorithm) -> Result<Self, Rejected> {
        Ok(match scheme(algorithm) {
            Scheme::Hmac(_) => return Err(Rejected),
            Scheme::Rsa(encoding, _) => {
                Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048)?), encoding)
            }
            Scheme::Ec(curve, _) => Self::Ec(EcdsaKeyPair::generate(curve)?),
            Scheme::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate()?),
            Scheme::MlDsa(set, _) => Self::MlDsa(PqdsaKeyPair::generate(set)?),
        })
    }

    pub(in crate::jws) fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        match scheme(algorithm) {
            Scheme::Hmac(hash) => Ok(Self::Hmac(Box::new(hmac::Key::new(hash, secret)))),
            _ => Err(Rejected),
        }
    }

    /// Prepares a private key. It is refused if it does not belong to the public key, where there is
    /// one. An RSA key always has one.
    pub(in crate::jws) fn from_numbers(
        algorithm: Algorithm,
        public: Option<&Public>,
        private: &Private,
    ) -> Result<Self, Rejected> {
        Ok(match (scheme(algorithm), public, private) {
            (Scheme::Rsa(encoding, _), Some(Public::Rsa { n, e }), Private::Rsa(key)) => {
                let pair = RsaKeyPair::from_components(&KeyPairComponents {
                    public_key: RsaPublicKeyComponents { n, e },
                    d: &*key.d,
                    p: &*key.p,
                    q: &*key.q,
                    dP: &*key.dp,
                    dQ: &*key.dq,
                    qInv: &*key.qi,
                })?;
                Self::Rsa(Box::new(pair), encoding)
            }
            (Scheme::Ec(curve, _), public, Private::Ec { d }) => {
                let point = match public {
                    Some(Public::Ec { x, y }) => point(x, y),
                    Some(_) => return Err(Rejected),
                    None => point_of(algorithm, d)?,
                };
                Self::Ec(EcdsaKeyPair::from_private_key_and_public_key(
                    curve, d, &point,
                )?)
            }
            (Scheme::Ed25519, Some(Public::Ed25519 { x }), Private::Ed25519 { d }) => {
                Self::Ed25519(Ed25519KeyPair::from_seed_and_public_key(d, x)?)
            }
            (Scheme::Ed25519, None, Private::Ed25519 { d }) => {
                Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(d)?)
            }
            (Scheme::MlDsa(set, _), public, Private::MlDsa(private)) => {
                Self::MlDsa(ml_dsa(set, public, private)?)
            }
            _ => return Err(Rejected),
        })
    }

    pub(in crate::jws) fn public(&self) -> Result<Public, Rejected> {
        match self {
            Self::Hmac(_) => Err(Rejected),
            Self::Rsa(pair, _) => Ok(rsa_numbers(pair.public_key())),
            Self::Ec(pair) => Public::from_point(pair.public_key().as_ref()),
            Self::Ed25519(pair) => Ok(Public::Ed25519 {
                x: pair.public_key().as_ref().to_vec(),
            }),
            Self::MlDsa(pair) => Ok(ml_dsa_public(pair)),
        }
    }

    pub(in crate::jws) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        let der = match self {
            Self::Hmac(_) => return Err(Rejected),
            Self::Rsa(pair, _) => AsDer::<Pkcs8V1Der<'_>>::as_der(&**pair)?.as_ref().to_vec(),
            Self::Ec(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            // It holds the seed and nothing else (RFC 9881 §6), for that is what the key was made from.
            Self::MlDsa(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    pub(in crate::jws) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        Ok(match self {
            Self::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature)?;
                signature
            }
            // A signature has room for that of any algorithm, which is 4 KiB: it is lent, and not moved.
            Self::Ec(pair) => bytes_of(&pair.sign(&SystemRandom::new(), message))?,
            Self::Ed25519(pair) => bytes_of(&pair.try_sign(message))?,
            Self::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature)?;
                signature.truncate(length);
                signature
            }
        })
    }
}

fn bytes_of(signature: &Result<Signature, Unspecified>) -> Result<Vec<u8>, Rejected> {
    match signature {
        Ok(signature) => Ok(signature.as_ref().to_vec()),
        Err(Unspecified) => Err(Rejected),
    }
}

/// A prepared key that verifies.
pub(in crate::jws) enum Checker {
    Hmac(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Checker {
    pub(in crate::jws) fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        match scheme(algorithm) {
            Scheme::Hmac(hash) => Ok(Self::Hmac(Box::new(hmac::Key::new(hash, secret)))),
            _ => Err(Rejected),
        }
    }

    /// Prepares a public key. A point that is not on the curve is refused.
    pub(in crate::jws) fn from_numbers(
        algorithm: Algorithm,
        public: &Public,
    ) -> Result<Self, Rejected> {
        Ok(Self::Public(match (scheme(algorithm), public) {
            (Scheme::Rsa(_, parameters), Public::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)?
            }
            (Scheme::Ec(_, curve), Public::Ec { x, y }) => {
                ParsedPublicKey::new(curve, point(x, y))?
            }
            (Scheme::Ed25519, Public::Ed25519 { x }) => {
                ParsedPublicKey::new(&signature::ED25519, x)?
            }
            (Scheme::MlDsa(_, set), Public::MlDsa { key }) => ParsedPublicKey::new(set, key)?,
            _ => return Err(Rejected),
        }))
    }

    /// Checks a signature, in constant time if the key is a secret.
    pub(in crate::jws) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

/// The public point of an elliptic curve's private key.
fn point_of(algorithm: Algorithm, d: &[u8]) -> Result<Vec<u8>, Rejected> {
    let curve = match algorithm {
        Algorithm::ES256 => &agreement::ECDH_P256,
        Algorithm::ES384 => &agreement::ECDH_P384,
        Algorithm::ES512 => &agreement::ECDH_P521,
        _ => return Err(Rejected),
    };
    let key = agreement::PrivateKey::from_private_key(curve, d)?;
    Ok(key.compute_public_key()?.as_ref().to_vec())
}

/// A key pair of ML-DSA from its seed, to which all that came with it has to belong.
fn ml_dsa(
    set: &'static PqdsaSigningAlgorithm,
    public: Option<&Public>,
    private: &MlDsaPrivate,
) -> Result<PqdsaKeyPair, Rejected> {
    let pair = PqdsaKeyPair::from_seed(set, &private.seed)?;
    if public.is_some_and(|public| *public != ml_dsa_public(&pair)) {
        return Err(Rejected);
    }
    if let Some(expanded) = &private.expanded {
        verify_slices_are_equal(expanded, pair.private_key().as_raw_bytes()?.as_ref())?;
    }
    Ok(pair)
}

fn ml_dsa_public(pair: &PqdsaKeyPair) -> Public {
    Public::MlDsa {
        key: pair.public_key().as_ref().to_vec(),
    }
}

fn rsa_numbers(key: &RsaSubjectPublicKey) -> Public {
    Public::Rsa {
        n: key.modulus().big_endian_without_leading_zero().to_vec(),
        e: key.exponent().big_endian_without_leading_zero().to_vec(),
    }
}

pub(in crate::jws) fn sha256(message: &[u8]) -> [u8; 32] {
    filled(digest::digest(&digest::SHA256, message).as_ref())
}

/// AES-256-GCM (NIST SP 800-38D) under a key that is used for one message only, so that its nonce may be zero.
/// The tag is at the end of what comes out.
pub(in crate::jws) fn encrypt(
    key: &[u8; 32],
    context: &[u8],
    mut message: Vec<u8>,
) -> Result<Vec<u8>, Rejected> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, Aad::from(context), &mut message)?;
    Ok(message)
}

/// What [`encrypt`] was given.
pub(in crate::jws) fn decrypt(
    key: &[u8; 32],
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Rejected> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let mut message = Zeroizing::new(sealed.to_vec());
    let length = key
        .open_in_place(nonce, Aad::from(context), &mut message)?
        .len();
    message.truncate(length);
    Ok(message)
}

/// A key of HMAC-SHA-256 (RFC 2104).
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The MAC of all parts in a row.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        filled(context.sign().as_ref())
    }
}

/// Copies bytes into an array. Both callers have 32 bytes, but no other length panics either.
fn filled(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}

impl From<Unspecified> for Rejected {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl From<KeyRejected> for Rejected {
    fn from(_: KeyRejected) -> Self {
        Self
    }
}
