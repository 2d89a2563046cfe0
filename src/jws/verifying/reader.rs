//! [`VerifyingKeyReader`], which makes the keys of one provider.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Material, VerifyingKey};
use crate::jws::{
    Algorithm, CryptoProvider, KeyError,
    algorithm::Family,
    backend::{Checker, Public},
    jwk::{Jwk, Operation, Wanted},
    key::{
        check_public, check_secret, check_supported, format_error, public_from_der,
        public_from_pem, public_members, secret_thumbprint, thumbprint,
    },
};

/// Reads [`VerifyingKey`]s of one [`CryptoProvider`]. Each function is that of `VerifyingKey` of the same name. A
/// [`JwkSetReader`](crate::jws::JwkSetReader) reads sets of them.
///
/// ```
/// use tower_bearer::{VerifyingKey, jws::CryptoProvider};
///
/// let provider = CryptoProvider::default();
/// // RFC 8037 appendix A.2
/// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let key = VerifyingKey::with_provider(provider).from_jwk(jwk)?;
/// assert_eq!(key.provider(), provider);
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifyingKeyReader {
    provider: CryptoProvider,
}

impl VerifyingKeyReader {
    pub(super) fn new(provider: CryptoProvider) -> Self {
        Self { provider }
    }

    /// Takes a secret, as [`VerifyingKey::from_secret`].
    ///
    /// # Errors
    ///
    /// Those of [`VerifyingKey::from_secret`].
    pub fn from_secret(
        self,
        algorithm: Algorithm,
        secret: impl AsRef<[u8]>,
    ) -> Result<VerifyingKey, KeyError> {
        let secret = secret.as_ref();
        check_secret(algorithm, secret)?;
        self.of_secret(algorithm, secret)
    }

    /// Takes a secret of any length for HS256, for tokens of others who have chosen it.
    pub(super) fn of_any_length(self, secret: &[u8]) -> Result<VerifyingKey, KeyError> {
        match secret {
            [] => Err(KeyError::weak("HS256 key", 0, 8)),
            _ => self.of_secret(Algorithm::HS256, secret),
        }
    }

    fn of_secret(self, algorithm: Algorithm, secret: &[u8]) -> Result<VerifyingKey, KeyError> {
        let checker = Checker::from_secret(self.provider, algorithm, secret)
            .map_err(|_| format_error("it is no secret of the algorithm"))?;
        let thumbprint = secret_thumbprint(self.provider, secret);
        Ok(assemble(algorithm, checker, thumbprint, None))
    }

    /// Reads a public key in PEM, as [`VerifyingKey::from_pem`].
    ///
    /// # Errors
    ///
    /// Those of [`VerifyingKey::from_pem`].
    pub fn from_pem(
        self,
        algorithm: Algorithm,
        pem: impl AsRef<[u8]>,
    ) -> Result<VerifyingKey, KeyError> {
        let pem = pem.as_ref();
        self.from_der(algorithm, &public_from_pem(pem)?)
    }

    /// Reads a public key in DER, as [`VerifyingKey::from_der`].
    ///
    /// # Errors
    ///
    /// Those of [`VerifyingKey::from_der`].
    pub fn from_der(
        self,
        algorithm: Algorithm,
        der: impl AsRef<[u8]>,
    ) -> Result<VerifyingKey, KeyError> {
        let der = der.as_ref();
        self.of_public(algorithm, &public_from_der(algorithm, der)?)
    }

    /// Reads a public or secret JWK, as [`VerifyingKey::from_jwk`].
    ///
    /// # Errors
    ///
    /// Those of [`VerifyingKey::from_jwk`].
    pub fn from_jwk(self, json: &str) -> Result<VerifyingKey, KeyError> {
        self.read(Jwk::parse(json, Wanted::Named, Operation::Verify)?)
    }

    /// Reads a JWK for this algorithm, as [`VerifyingKey::from_jwk_as`].
    ///
    /// # Errors
    ///
    /// Those of [`VerifyingKey::from_jwk_as`].
    pub fn from_jwk_as(self, algorithm: Algorithm, json: &str) -> Result<VerifyingKey, KeyError> {
        let wanted = Wanted::Only(algorithm);
        self.read(Jwk::parse(json, wanted, Operation::Verify)?)
    }

    /// Reads one key of a JWK Set. `rsa` is the algorithm of an RSA key that names none.
    pub(in crate::jws) fn jwk_of_set(
        self,
        members: Map<String, Value>,
        rsa: Algorithm,
    ) -> Result<VerifyingKey, KeyError> {
        let wanted = Wanted::NamedOrRsa(rsa);
        self.read(Jwk::from_members(members, wanted, Operation::Verify)?)
    }

    /// Reads a key for this algorithm, which the JWK need not name.
    #[cfg(any(feature = "dpop", feature = "dbsc"))]
    pub(in crate::jws) fn jwk_members_as(
        self,
        algorithm: Algorithm,
        members: Map<String, Value>,
    ) -> Result<VerifyingKey, KeyError> {
        let wanted = Wanted::Only(algorithm);
        self.read(Jwk::from_members(members, wanted, Operation::Verify)?)
    }

    fn read(self, mut jwk: Jwk) -> Result<VerifyingKey, KeyError> {
        let mut key = match jwk.algorithm.family() {
            Family::Hmac { .. } => self.from_secret(jwk.algorithm, &jwk.secret()?)?,
            _ => self.of_public(jwk.algorithm, &jwk.public()?)?,
        };
        key.issuer = jwk.issuer()?.map(Into::into);
        match jwk.kid.take() {
            Some(kid) => key.with_kid(kid),
            None => Ok(key),
        }
    }

    pub(in crate::jws) fn of_public(
        self,
        algorithm: Algorithm,
        public: &Public,
    ) -> Result<VerifyingKey, KeyError> {
        check_supported(self.provider, algorithm)?;
        check_public(algorithm, public)?;
        let checker = Checker::from_numbers(self.provider, algorithm, public)
            .map_err(|_| format_error("it is no valid public key of the algorithm"))?;
        let members = public_members(algorithm, public);
        let thumbprint = thumbprint(self.provider, &members);
        Ok(assemble(algorithm, checker, thumbprint, Some(members)))
    }
}

fn assemble(
    algorithm: Algorithm,
    checker: Checker,
    thumbprint: String,
    public: Option<Value>,
) -> VerifyingKey {
    VerifyingKey {
        kid: thumbprint.as_str().into(),
        issuer: None,
        material: Arc::new(Material {
            algorithm,
            checker,
            thumbprint,
            public,
        }),
    }
}
