//! [`SigningKey`] and [`PrivateKeyText`].

use std::{fmt, sync::Arc};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::{
    Algorithm, KeyError, KeyErrorKind, VerifyingKey,
    algorithm::Family,
    backend::{PrivateDer, Rejected, Signer},
    jwk::{Jwk, Operation},
    key::{check_public, encoded, format_error, private_from_pem, rejected},
};

/// A private key, or a secret, that signs, bound to one [`Algorithm`]. Cheap to clone.
///
/// `Debug` shows its `kid` and algorithm only; what it holds is wiped from memory when the last
/// clone is dropped.
///
/// ```
/// use tower_bearer::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::EdDSA)?;
/// let kept = key.export_private();
/// let again = SigningKey::from_pem(Algorithm::EdDSA, kept.expose().as_bytes())?;
/// assert_eq!(again.kid(), key.kid());
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    material: Arc<Material>,
    verifying: VerifyingKey,
}

struct Material {
    signer: Signer,
    /// The secret, or the PKCS#8 DER: for the export, since a signer holds prepared states.
    private: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// Makes a new key: RSA of 2048 bits, a secret as long as the hash.
    ///
    /// # Errors
    ///
    /// [`Generate`](KeyErrorKind::Generate) where the operating system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        if let Family::Hmac { hash_bytes } = algorithm.family() {
            let mut secret = Zeroizing::new(vec![0; hash_bytes]);
            getrandom::fill(&mut secret).map_err(|_| not_generated())?;
            return Self::from_secret(algorithm, &secret);
        }
        let signer = Signer::generate(algorithm).map_err(|_| not_generated())?;
        Self::from_signer(algorithm, signer)
    }

    /// A secret of HS256, HS384 or HS512, at least as long as the hash (RFC 7518 §3.2): random
    /// bytes, not a password.
    ///
    /// # Errors
    ///
    /// [`Weak`](KeyErrorKind::Weak) where it is shorter,
    /// [`Format`](KeyErrorKind::Format) for another algorithm.
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        let verifying = VerifyingKey::from_secret(algorithm, secret)?;
        let signer = Signer::from_secret(algorithm, secret).map_err(rejected)?;
        let private = Zeroizing::new(secret.to_vec());
        Ok(Self {
            material: Arc::new(Material { signer, private }),
            verifying,
        })
    }

    /// A secret in base64 or base64url, padded or not. Whitespace around it is ignored.
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) where it is no base64, and as
    /// [`from_secret`](Self::from_secret).
    pub fn from_base64_secret(algorithm: Algorithm, secret: &str) -> Result<Self, KeyError> {
        let secret = secret.trim();
        let engine = match (secret.contains(['-', '_']), secret.ends_with('=')) {
            (false, true) => STANDARD,
            (false, false) => STANDARD_NO_PAD,
            (true, true) => URL_SAFE,
            (true, false) => URL_SAFE_NO_PAD,
        };
        let secret = engine
            .decode(secret)
            .map_err(|_| format_error("it is not base64"))?;
        Self::from_secret(algorithm, Zeroizing::new(secret))
    }

    /// A private key in PEM: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1) or
    /// `EC PRIVATE KEY` (RFC 5915), unencrypted.
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) where it is no such key of the algorithm,
    /// [`Weak`](KeyErrorKind::Weak) where it is too short.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let pem = pem.as_ref();
        let (format, der) = private_from_pem(pem)?;
        let signer = Signer::from_der(algorithm, format, &der).map_err(rejected)?;
        Self::from_signer(algorithm, signer)
    }

    /// A private key in DER: PKCS#8 (RFC 5208), or PKCS#1 (RFC 8017 appendix A.1.2) for RSA, or
    /// RFC 5915 for an elliptic curve.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let der = der.as_ref();
        let signer = [PrivateDer::Pkcs8, PrivateDer::Pkcs1, PrivateDer::Sec1]
            .into_iter()
            .find_map(|format| Signer::from_der(algorithm, format, der).ok())
            .ok_or_else(|| rejected(Rejected))?;
        Self::from_signer(algorithm, signer)
    }

    /// A private JWK, or a secret one (`oct`), with its `kid` where it has one. An elliptic
    /// curve implies the algorithm; RSA and `oct` keys need their `alg`, or
    /// [`from_jwk_as`](Self::from_jwk_as). RSA keys need all their private members.
    ///
    /// # Errors
    ///
    /// [`Use`](KeyErrorKind::Use) where `use`, `key_ops` or `alg` forbids to sign with
    /// it (RFC 7517 §4), [`Format`](KeyErrorKind::Format) where the private members
    /// are missing or are not those of the public ones,
    /// [`UnsupportedAlgorithm`](KeyErrorKind::UnsupportedAlgorithm) for a type or curve that
    /// is not among the [`Algorithm`]s, and as [`from_pem`](Self::from_pem).
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Self::read(Jwk::parse(json, None, Operation::Sign)?)
    }

    /// Like [`from_jwk`](Self::from_jwk), with the algorithm for a JWK that has no `alg`.
    ///
    /// # Errors
    ///
    /// As [`from_jwk`](Self::from_jwk); [`Use`](KeyErrorKind::Use) where the JWK names
    /// another algorithm.
    pub fn from_jwk_as(algorithm: Algorithm, json: &str) -> Result<Self, KeyError> {
        Self::read(Jwk::parse(json, Some(algorithm), Operation::Sign)?)
    }

    fn read(mut jwk: Jwk) -> Result<Self, KeyError> {
        let algorithm = jwk.algorithm;
        let key = if matches!(algorithm.family(), Family::Hmac { .. }) {
            Self::from_secret(algorithm, &jwk.secret()?)?
        } else {
            let public = jwk.public()?;
            check_public(algorithm, &public)?;
            let signer =
                Signer::from_numbers(algorithm, &public, &jwk.private()?).map_err(rejected)?;
            Self::from_signer(algorithm, signer)?
        };
        match jwk.kid.take() {
            Some(kid) => key.with_kid(kid),
            None => Ok(key),
        }
    }

    fn from_signer(algorithm: Algorithm, signer: Signer) -> Result<Self, KeyError> {
        let public = signer.public().map_err(rejected)?;
        let verifying = VerifyingKey::from_public(algorithm, &public)?;
        let private = signer.to_pkcs8().map_err(rejected)?;
        Ok(Self {
            material: Arc::new(Material { signer, private }),
            verifying,
        })
    }

    /// The same key under another `kid`, 1 to 256 bytes. The default is the key's SHA-256
    /// thumbprint (RFC 7638).
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) where it is empty or longer.
    pub fn with_kid(self, kid: impl Into<String>) -> Result<Self, KeyError> {
        Ok(Self {
            verifying: self.verifying.with_kid(kid)?,
            ..self
        })
    }

    /// The name that tokens call the key by.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The one algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The key that verifies what this one signs, under the same `kid`. Of an HMAC key it is
    /// the same secret.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// The private key as text, to keep a generated one: PKCS#8 PEM, which
    /// [`from_pem`](Self::from_pem) reads, or of a secret a JWK, which
    /// [`from_jwk`](Self::from_jwk) reads. A PEM does not hold the `kid`.
    pub fn export_private(&self) -> PrivateKeyText {
        let private = &self.material.private;
        PrivateKeyText(Zeroizing::new(match self.algorithm().family() {
            Family::Hmac { .. } => format!(
                r#"{{"kty":"oct","use":"sig","alg":"{}","kid":{},"k":"{}"}}"#,
                self.algorithm(),
                serde_json::Value::from(self.kid()),
                *encoded(private),
            ),
            _ => {
                let block = pem::Pem::new("PRIVATE KEY", private.as_slice());
                let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
                let text = pem::encode_config(&block, lines);
                drop(Zeroizing::new(block.into_contents()));
                text
            }
        }))
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        self.material.signer.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// The text of a private key. `Debug` does not show it; it is wiped from memory when dropped.
#[derive(Clone)]
pub struct PrivateKeyText(Zeroizing<String>);

impl PrivateKeyText {
    /// The text itself. Keep it where only the server can read it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyText(…)")
    }
}

fn not_generated() -> KeyError {
    KeyError::new(KeyErrorKind::Generate, "no key could be generated")
}
