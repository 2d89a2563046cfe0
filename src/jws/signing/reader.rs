//! [`SigningKeyReader`], which makes the keys of one provider.

use std::sync::Arc;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::{Material, SigningKey};
use crate::jws::{
    Algorithm, CryptoProvider, KeyError, KeyErrorKind, VerifyingKey,
    algorithm::Family,
    backend::{Private, Public, Rejected, Signer},
    der::{self, PrivateDer},
    jwk::{Jwk, Operation, Wanted},
    key::{check_public, check_supported, format_error, private_from_pem, rejected},
};

/// Reads and generates [`SigningKey`]s of one [`CryptoProvider`]. Each function is that of `SigningKey` of the same
/// name.
///
/// ```
/// use tower_bearer::{Algorithm, SigningKey, jws::CryptoProvider};
///
/// let provider = CryptoProvider::default();
/// let key = SigningKey::with_provider(provider).generate(Algorithm::ES256)?;
/// assert_eq!(key.provider(), provider);
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct SigningKeyReader {
    provider: CryptoProvider,
}

impl SigningKeyReader {
    pub(super) fn new(provider: CryptoProvider) -> Self {
        Self { provider }
    }

    /// Generates a new key, as [`SigningKey::generate`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::generate`].
    pub fn generate(self, algorithm: Algorithm) -> Result<SigningKey, KeyError> {
        if let Family::Hmac { hash_bytes } = algorithm.family() {
            let mut secret = Zeroizing::new(vec![0; hash_bytes]);
            getrandom::fill(&mut secret).map_err(|_| not_generated())?;
            return self.from_secret(algorithm, &secret);
        }
        check_supported(self.provider, algorithm)?;
        let signer = Signer::generate(self.provider, algorithm).map_err(|_| not_generated())?;
        self.of_signer(algorithm, signer)
    }

    /// Takes a secret, as [`SigningKey::from_secret`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_secret`].
    pub fn from_secret(
        self,
        algorithm: Algorithm,
        secret: impl AsRef<[u8]>,
    ) -> Result<SigningKey, KeyError> {
        let secret = secret.as_ref();
        let verifying =
            VerifyingKey::with_provider(self.provider).from_secret(algorithm, secret)?;
        let signer = Signer::from_secret(self.provider, algorithm, secret).map_err(rejected)?;
        let private = Zeroizing::new(secret.to_vec());
        Ok(SigningKey {
            material: Arc::new(Material::Here { signer, private }),
            verifying,
        })
    }

    /// Takes a secret in base64, as [`SigningKey::from_base64_secret`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_base64_secret`].
    pub fn from_base64_secret(
        self,
        algorithm: Algorithm,
        secret: &str,
    ) -> Result<SigningKey, KeyError> {
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
        self.from_secret(algorithm, Zeroizing::new(secret))
    }

    /// Reads a private key in PEM, as [`SigningKey::from_pem`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_pem`].
    pub fn from_pem(
        self,
        algorithm: Algorithm,
        pem: impl AsRef<[u8]>,
    ) -> Result<SigningKey, KeyError> {
        let pem = pem.as_ref();
        let (format, der) = private_from_pem(pem)?;
        let (public, private) = der::private(algorithm, format, &der).map_err(rejected)?;
        self.of_numbers(algorithm, public.as_ref(), &private)
    }

    /// Reads a private key in DER, as [`SigningKey::from_der`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_der`].
    pub fn from_der(
        self,
        algorithm: Algorithm,
        der: impl AsRef<[u8]>,
    ) -> Result<SigningKey, KeyError> {
        let der = der.as_ref();
        let (public, private) = [PrivateDer::Pkcs8, PrivateDer::Pkcs1, PrivateDer::Sec1]
            .into_iter()
            .find_map(|format| der::private(algorithm, format, der).ok())
            .ok_or_else(|| rejected(Rejected))?;
        self.of_numbers(algorithm, public.as_ref(), &private)
    }

    /// Reads a private or secret JWK, as [`SigningKey::from_jwk`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_jwk`].
    pub fn from_jwk(self, json: &str) -> Result<SigningKey, KeyError> {
        self.read(Jwk::parse(json, Wanted::Named, Operation::Sign)?)
    }

    /// Reads a JWK for this algorithm, as [`SigningKey::from_jwk_as`].
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_jwk_as`].
    pub fn from_jwk_as(self, algorithm: Algorithm, json: &str) -> Result<SigningKey, KeyError> {
        let wanted = Wanted::Only(algorithm);
        self.read(Jwk::parse(json, wanted, Operation::Sign)?)
    }

    fn read(self, mut jwk: Jwk) -> Result<SigningKey, KeyError> {
        let algorithm = jwk.algorithm;
        let key = if matches!(algorithm.family(), Family::Hmac { .. }) {
            self.from_secret(algorithm, &jwk.secret()?)?
        } else {
            let public = jwk.public()?;
            self.of_numbers(algorithm, Some(&public), &jwk.private()?)?
        };
        match jwk.kid.take() {
            Some(kid) => key.with_kid(kid),
            None => Ok(key),
        }
    }

    fn of_numbers(
        self,
        algorithm: Algorithm,
        public: Option<&Public>,
        private: &Private,
    ) -> Result<SigningKey, KeyError> {
        check_supported(self.provider, algorithm)?;
        if let Some(public) = public {
            check_public(algorithm, public)?;
        }
        let signer =
            Signer::from_numbers(self.provider, algorithm, public, private).map_err(rejected)?;
        self.of_signer(algorithm, signer)
    }

    fn of_signer(self, algorithm: Algorithm, signer: Signer) -> Result<SigningKey, KeyError> {
        let public = signer.public().map_err(rejected)?;
        let verifying = VerifyingKey::with_provider(self.provider).of_public(algorithm, &public)?;
        let private = signer.to_pkcs8().map_err(rejected)?;
        Ok(SigningKey {
            material: Arc::new(Material::Here { signer, private }),
            verifying,
        })
    }
}

fn not_generated() -> KeyError {
    KeyError::new(KeyErrorKind::Generate, "no key could be generated")
}
