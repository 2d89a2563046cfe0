//! [`SigningKey`], and [`PrivateKeyText`] for its export.

mod reader;

#[cfg(feature = "session")]
use std::time::Duration;
use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

pub use self::reader::SigningKeyReader;
use super::{
    Algorithm, CryptoProvider, KeyError, SignError, VerifyingKey, algorithm::Family,
    backend::Signer, key::encoded,
};
#[cfg(feature = "session")]
use super::{
    SignErrorKind,
    key::use_error,
    signer::{self, BoundedSigner, SignerOptions},
};

/// A private key or a secret that signs with one [`Algorithm`], here or [elsewhere](Self::from_signer). It is cheap
/// to clone.
///
/// `Debug` shows only the `kid` and the algorithm. The key is wiped from memory when its last clone
/// is dropped.
///
/// ```
/// use tower_bearer::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::EdDSA)?;
/// let kept = key.export_private().expect("it is here");
/// let again = SigningKey::from_pem(Algorithm::EdDSA, kept.expose().as_bytes())?;
/// assert_eq!(again.kid(), key.kid());
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    material: Arc<Material>,
    verifying: VerifyingKey,
}

enum Material {
    Here {
        signer: Signer,
        /// The secret, or the private key as PKCS#8 DER. It is kept for the export, because the signer
        /// has only a prepared form of the key.
        private: Zeroizing<Vec<u8>>,
    },
    #[cfg(feature = "session")]
    Elsewhere(BoundedSigner),
}

impl SigningKey {
    /// Reads and generates keys that use the cryptography of this provider. The functions of `SigningKey` itself use
    /// [the default](CryptoProvider::default).
    pub fn with_provider(provider: CryptoProvider) -> SigningKeyReader {
        SigningKeyReader::new(provider)
    }

    fn default_reader() -> SigningKeyReader {
        SigningKeyReader::new(CryptoProvider::default())
    }

    /// Generates a new key. An RSA key has 2048 bits, and a secret is as long as the hash.
    ///
    /// # Errors
    ///
    /// [`Generate`](super::KeyErrorKind::Generate) if the operating system gives no random bytes,
    /// [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) if the provider has not got the algorithm.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::default_reader().generate(algorithm)
    }

    /// Takes a secret for HS256, HS384 or HS512. It must be at least as long as the hash, which is
    /// 32, 48 or 64 bytes (RFC 7518 §3.2), and consist of random bytes: a password is not enough.
    ///
    /// # Errors
    ///
    /// [`Weak`](super::KeyErrorKind::Weak) if the secret is shorter, [`Format`](super::KeyErrorKind::Format) if
    /// the algorithm is another one.
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::default_reader().from_secret(algorithm, secret)
    }

    /// Takes a secret in base64 or base64url, padded or not. Whitespace around it is ignored.
    ///
    /// # Errors
    ///
    /// [`Format`](super::KeyErrorKind::Format) if the text is not base64, and the errors of
    /// [`from_secret`](Self::from_secret).
    pub fn from_base64_secret(algorithm: Algorithm, secret: &str) -> Result<Self, KeyError> {
        Self::default_reader().from_base64_secret(algorithm, secret)
    }

    /// Reads an unencrypted private key in PEM: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1)
    /// or `EC PRIVATE KEY` (RFC 5915).
    ///
    /// # Errors
    ///
    /// [`Format`](super::KeyErrorKind::Format) if it is not such a key of the algorithm,
    /// [`Weak`](super::KeyErrorKind::Weak) if it is too short,
    /// [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) if the provider has not got the algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::default_reader().from_pem(algorithm, pem)
    }

    /// Reads a private key in DER: PKCS#8 (RFC 5208), for RSA also PKCS#1 (RFC 8017 appendix
    /// A.1.2), and for an elliptic curve also RFC 5915.
    ///
    /// # Errors
    ///
    /// Those of [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::default_reader().from_der(algorithm, der)
    }

    /// Reads a JWK that is private or secret (`oct`), and its `kid` if it has one. An elliptic
    /// curve implies the algorithm. RSA and `oct` keys must have an `alg`, or be read by
    /// [`from_jwk_as`](Self::from_jwk_as). RSA keys must have all their private members.
    ///
    /// # Errors
    ///
    /// [`Use`](super::KeyErrorKind::Use) if `use`, `key_ops` or `alg` forbids signing with the key (RFC
    /// 7517 §4), [`Format`](super::KeyErrorKind::Format) if private members are missing or do not belong
    /// to the public ones, [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) if the type
    /// or the curve is not one of an [`Algorithm`], and the errors of [`from_pem`](Self::from_pem).
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Self::default_reader().from_jwk(json)
    }

    /// Like [`from_jwk`](Self::from_jwk), but names the algorithm of a JWK that has no `alg`.
    ///
    /// # Errors
    ///
    /// Those of [`from_jwk`](Self::from_jwk), and [`Use`](super::KeyErrorKind::Use) if the JWK names
    /// another algorithm.
    pub fn from_jwk_as(algorithm: Algorithm, json: &str) -> Result<Self, KeyError> {
        Self::default_reader().from_jwk_as(algorithm, json)
    }

    /// Signs with a private key that is elsewhere, and whose public half is `public`. Tokens name its `kid`.
    ///
    /// The signer is asked within the limits of the options, and what it gives is verified with `public` before
    /// anybody gets it: a wrong signature is [`WrongSignature`](SignErrorKind::WrongSignature), and no
    /// token that nobody can verify.
    ///
    /// Such a key signs the access tokens of [`Sessions`](crate::session::Sessions), signed answers of
    /// introspection, and what [`Issuer::sign_async`](crate::Issuer::sign_async) is given. It is no
    /// [refresh key](crate::session::RefreshKey), and cannot be [exported](Self::export_private).
    ///
    /// # Errors
    ///
    /// [`Use`](super::KeyErrorKind::Use) if `public` is a secret: whoever has it can sign here as well.
    #[cfg(feature = "session")]
    pub fn from_signer(
        public: VerifyingKey,
        signer: impl signer::Signer,
        options: SignerOptions,
    ) -> Result<Self, KeyError> {
        if public.algorithm().is_hmac() {
            return Err(use_error(
                "a signer needs a public key, and this is a secret",
            ));
        }
        Ok(Self {
            material: Arc::new(Material::Elsewhere(BoundedSigner::new(signer, options))),
            verifying: public,
        })
    }

    /// The same key under another `kid` of 1 to 256 bytes. The default is the key's SHA-256
    /// thumbprint (RFC 7638).
    ///
    /// # Errors
    ///
    /// [`Format`](super::KeyErrorKind::Format) if `kid` is empty or longer.
    pub fn with_kid(self, kid: impl Into<String>) -> Result<Self, KeyError> {
        Ok(Self {
            verifying: self.verifying.with_kid(kid)?,
            ..self
        })
    }

    /// The `kid` of the key, which tokens name in their header.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The one algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// Whose cryptography the key uses.
    pub fn provider(&self) -> CryptoProvider {
        self.verifying.provider()
    }

    /// The key that verifies what this one signs, under the same `kid`. For an HMAC key it contains
    /// the same secret.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// The private key as text, so that a generated key can be kept. A secret is exported as a JWK,
    /// which [`from_jwk`](Self::from_jwk) reads; any other key as PKCS#8 PEM, which
    /// [`from_pem`](Self::from_pem) reads. PEM does not contain the `kid`. `None` if the key is
    /// [elsewhere](Self::from_signer).
    pub fn export_private(&self) -> Option<PrivateKeyText> {
        let private = match &*self.material {
            Material::Here { private, .. } => private,
            #[cfg(feature = "session")]
            Material::Elsewhere(_) => return None,
        };
        Some(PrivateKeyText(Zeroizing::new(
            match self.algorithm().family() {
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
            },
        )))
    }

    /// Signs a JWS that is no token of an issuer.
    #[cfg(feature = "dpop")]
    pub(crate) fn sign_proof(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign(message)
    }

    /// Whether the private key is here, so that [`sign`](Self::sign) has it.
    #[cfg(feature = "dpop")]
    pub(crate) fn is_here(&self) -> bool {
        matches!(&*self.material, Material::Here { .. })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &*self.material {
            Material::Here { signer, .. } => signer.sign(message).map_err(|_| SignError::signing()),
            #[cfg(feature = "session")]
            Material::Elsewhere(_) => Err(SignError::new(SignErrorKind::KeyElsewhere)),
        }
    }

    /// Signs wherever the key is.
    #[cfg(feature = "session")]
    pub(super) async fn sign_async(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &*self.material {
            Material::Here { .. } => self.sign(message),
            Material::Elsewhere(signer) => signer.sign(message, &self.verifying).await,
        }
    }

    /// How long a signature may take, if the key is elsewhere.
    #[cfg(feature = "session")]
    pub(super) fn signer_timeout(&self) -> Option<Duration> {
        match &*self.material {
            Material::Here { .. } => None,
            Material::Elsewhere(signer) => Some(signer.timeout()),
        }
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

/// The text of a private key. `Debug` does not show it. It is wiped from memory when it is dropped.
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
