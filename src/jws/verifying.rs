//! [`VerifyingKey`], a public key or a secret that verifies.

mod reader;

use std::{fmt, sync::Arc};

use serde_json::Value;

pub use self::reader::VerifyingKeyReader;
use super::{Algorithm, CryptoProvider, KeyError, backend::Checker, key::check_kid};

/// A public key or a secret that verifies with one [`Algorithm`]. It is cheap to clone.
///
/// `Debug` shows only the `kid` and the algorithm, because an HMAC key verifies with the same
/// secret that signs.
///
/// ```
/// use tower_bearer::{Algorithm, VerifyingKey};
///
/// // RFC 8037 appendix A.2
/// let key = VerifyingKey::from_jwk(
///     r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// assert_eq!(key.algorithm(), Algorithm::EdDSA);
/// assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Arc<str>,
    issuer: Option<Arc<str>>,
    material: Arc<Material>,
}

struct Material {
    algorithm: Algorithm,
    checker: Checker,
    thumbprint: String,
    /// The members of the public JWK, or `None` for a secret.
    public: Option<Value>,
}

impl VerifyingKey {
    /// Reads keys that use the cryptography of this provider. The functions of `VerifyingKey` itself use
    /// [the default](CryptoProvider::default).
    pub fn with_provider(provider: CryptoProvider) -> VerifyingKeyReader {
        VerifyingKeyReader::new(provider)
    }

    fn default_reader() -> VerifyingKeyReader {
        VerifyingKeyReader::new(CryptoProvider::default())
    }

    /// Takes a secret for HS256, HS384 or HS512. It must be at least as long as the hash (RFC 7518
    /// §3.2).
    ///
    /// # Errors
    ///
    /// [`Weak`](super::KeyErrorKind::Weak) if the secret is shorter,
    /// [`Format`](super::KeyErrorKind::Format) if the algorithm is another one.
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::default_reader().from_secret(algorithm, secret)
    }

    /// Takes a secret of any length for HS256, for tokens of others who have chosen it.
    pub(crate) fn of_any_length(secret: &[u8]) -> Result<Self, KeyError> {
        Self::default_reader().of_any_length(secret)
    }

    /// Reads a public key in PEM: a single block `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY` (PKCS#1).
    /// Certificates are refused.
    ///
    /// # Errors
    ///
    /// [`Format`](super::KeyErrorKind::Format) if it is not such a key of the algorithm,
    /// [`Weak`](super::KeyErrorKind::Weak) if it is too short,
    /// [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) if the provider has not got the algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::default_reader().from_pem(algorithm, pem)
    }

    /// Reads a public key in DER: SPKI (RFC 5280 §4.1.2.7), or for RSA also PKCS#1 (RFC 8017
    /// appendix A.1.1).
    ///
    /// # Errors
    ///
    /// Those of [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::default_reader().from_der(algorithm, der)
    }

    /// Reads a JWK that is public or secret (`oct`), and its `kid` if it has one. An elliptic curve
    /// implies the algorithm. RSA and `oct` keys must have an `alg`, or be read by
    /// [`from_jwk_as`](Self::from_jwk_as). Private members are ignored.
    ///
    /// # Errors
    ///
    /// [`Use`](super::KeyErrorKind::Use) if `use`, `key_ops` or `alg` forbids verifying with the
    /// key (RFC 7517 §4), [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) if
    /// the type or the curve is not one of an [`Algorithm`], and the errors of
    /// [`from_pem`](Self::from_pem).
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Self::default_reader().from_jwk(json)
    }

    /// Like [`from_jwk`](Self::from_jwk), but names the algorithm of a JWK that has no `alg`.
    ///
    /// # Errors
    ///
    /// Those of [`from_jwk`](Self::from_jwk), and [`Use`](super::KeyErrorKind::Use) if the JWK
    /// names another algorithm.
    pub fn from_jwk_as(algorithm: Algorithm, json: &str) -> Result<Self, KeyError> {
        Self::default_reader().from_jwk_as(algorithm, json)
    }

    /// The same key under another `kid` of 1 to 256 bytes. The default is the key's SHA-256
    /// thumbprint (RFC 7638).
    ///
    /// # Errors
    ///
    /// [`Format`](super::KeyErrorKind::Format) if `kid` is empty or longer.
    pub fn with_kid(self, kid: impl Into<String>) -> Result<Self, KeyError> {
        Ok(Self {
            kid: check_kid(kid.into())?,
            ..self
        })
    }

    /// The `kid` of the key, which tokens name in their header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.material.algorithm
    }

    /// Whose cryptography the key uses.
    pub fn provider(&self) -> CryptoProvider {
        self.material.checker.provider()
    }

    /// The one issuer whose tokens the key may verify, if its JWK names one in the member `issuer`.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(crate) fn thumbprint(&self) -> &str {
        &self.material.thumbprint
    }

    /// Whether `other` is an equal key, under the same `kid` and for the same algorithm.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        (self.kid(), self.algorithm()) == (other.kid(), other.algorithm())
            && self.is_same_key(other)
    }

    /// Whether `other` is an equal key of the same issuer, whatever it is called.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        (self.thumbprint(), self.issuer()) == (other.thumbprint(), other.issuer())
    }

    /// Whether `other` is a clone of this key under the same `kid`, and not only an equal key.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.material, &other.material) && self.kid == other.kid
    }

    /// The public members that the thumbprint covers, or `None` for a secret.
    #[cfg(feature = "dpop")]
    pub(crate) fn public_members(&self) -> Option<&Value> {
        self.material.public.as_ref()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.material.checker.verify(message, signature)
    }

    /// The public JWK with nothing but what makes the key, or `None` for a secret.
    #[cfg(feature = "dbsc")]
    pub(crate) fn bare_jwk(&self) -> Option<String> {
        self.material.public.as_ref().map(Value::to_string)
    }

    /// The public JWK to publish, or `None` for a secret.
    pub(super) fn jwk(&self) -> Option<Value> {
        let mut jwk = self.material.public.clone()?;
        if let Value::Object(members) = &mut jwk {
            members.insert("use".into(), "sig".into());
            members.insert("alg".into(), self.algorithm().as_str().into());
            members.insert("kid".into(), self.kid().into());
        }
        Some(jwk)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
