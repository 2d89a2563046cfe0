//! [`DpopKey`], by which a client proves who it is (RFC 9449 §4.2).

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, Uri};
use serde_json::json;

use super::{proof::DpopProof, signer::DpopSigner};
use crate::{
    claims::KeyThumbprint,
    error::BoxError,
    jws::{Algorithm, KeyError, KeyErrorKind, PrivateKeyText, SigningKey, VerifyingKey},
};

/// The private key of a client, which makes a [`DpopProof`] for each request. It is cheap to clone.
///
/// `Debug` shows the thumbprint, and nothing that is secret. The key is wiped from memory when its
/// last clone is dropped.
///
/// ```
/// use http::{Method, Uri};
/// use tower_bearer::dpop::DpopKey;
///
/// let key = DpopKey::generate()?;
/// let uri = Uri::from_static("https://api.example/files?page=2");
/// let header = key.proof(&Method::GET, &uri).access_token("the token").sign()?;
/// # assert!(header.is_sensitive());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DpopKey(Arc<Inner>);

struct Inner {
    signer: Signer,
    public_jwk: String,
    thumbprint: KeyThumbprint,
    algorithm: Algorithm,
    /// The first segment of each proof, as it is signed.
    header: String,
}

enum Signer {
    Here(SigningKey),
    Elsewhere(Box<dyn DpopSigner>),
}

impl DpopKey {
    /// Generates a key for ES256, which every server that supports DPoP takes.
    ///
    /// # Errors
    ///
    /// [`Generate`](KeyErrorKind::Generate) if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        Self::from_signing_key(SigningKey::generate(Algorithm::ES256)?)
    }

    /// Reads an unencrypted private key in PEM, as [`SigningKey::from_pem`] does.
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_pem`] and [`from_signing_key`](Self::from_signing_key).
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_signing_key(SigningKey::from_pem(algorithm, pem)?)
    }

    /// Reads a private JWK, as [`SigningKey::from_jwk`] does.
    ///
    /// # Errors
    ///
    /// Those of [`SigningKey::from_jwk`] and [`from_signing_key`](Self::from_signing_key).
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Self::from_signing_key(SigningKey::from_jwk(json)?)
    }

    /// Takes a key. Its `kid` does not matter here.
    ///
    /// # Errors
    ///
    /// [`Use`](KeyErrorKind::Use) if it is a secret: a proof is signed with an asymmetric algorithm
    /// (RFC 9449 §4.2). Also if it is for ML-DSA-65 or ML-DSA-87, whose proofs are above 8 KiB. Or if it is with a
    /// signer that has to be waited for, which a [`DpopSigner`] has not.
    pub fn from_signing_key(key: SigningKey) -> Result<Self, KeyError> {
        if !key.is_here() {
            let elsewhere = "a proof needs a key that is here, or a DpopSigner";
            return Err(KeyError::new(KeyErrorKind::Use, elsewhere));
        }
        let public = key.verifying_key();
        Self::new(Signer::Here(key), &public)
    }

    /// Has proofs signed by a key that is elsewhere.
    ///
    /// # Errors
    ///
    /// [`Use`](KeyErrorKind::Use) if its public key is a secret, or for ML-DSA-65 or ML-DSA-87.
    pub fn from_signer(signer: impl DpopSigner) -> Result<Self, KeyError> {
        let public = signer.public_key();
        Self::new(Signer::Elsewhere(Box::new(signer)), &public)
    }

    fn new(signer: Signer, public: &VerifyingKey) -> Result<Self, KeyError> {
        let no_pair = || KeyError::new(KeyErrorKind::Use, "a proof needs a key pair, not a secret");
        let public_jwk = public.public_members().ok_or_else(no_pair)?;
        let thumbprint = public.thumbprint().parse().map_err(|_| no_pair())?;
        let algorithm = public.algorithm();
        if !algorithm.fits_proofs() {
            let what =
                format!("a proof of {algorithm} is above 8 KiB, which servers need not take");
            return Err(KeyError::new(KeyErrorKind::Use, what));
        }
        let header = json!({
            "alg": algorithm.as_str(),
            "jwk": public_jwk,
            "typ": "dpop+jwt",
        });
        Ok(Self(Arc::new(Inner {
            signer,
            thumbprint,
            algorithm,
            header: URL_SAFE_NO_PAD.encode(header.to_string()),
            public_jwk: public_jwk.to_string(),
        })))
    }

    /// The algorithm of the proofs.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The thumbprint of the key (RFC 7638): `jkt` in the `cnf` claim of a bound token, and
    /// `dpop_jkt` of an authorization request (RFC 9449 §10).
    pub fn thumbprint(&self) -> &KeyThumbprint {
        &self.0.thumbprint
    }

    /// The public key as the text of a JWK (RFC 7517), as it is in the header of each proof.
    pub fn public_jwk(&self) -> &str {
        &self.0.public_jwk
    }

    /// The private key as PKCS#8 PEM, which [`from_pem`](Self::from_pem) reads. `None` if the key is
    /// [elsewhere](Self::from_signer).
    pub fn export_private(&self) -> Option<PrivateKeyText> {
        match &self.0.signer {
            Signer::Here(key) => key.export_private(),
            Signer::Elsewhere(_) => None,
        }
    }

    /// Begins a proof for one request with this method to this URL, which has to be the absolute one.
    /// Its query is left out of the proof.
    pub fn proof<'a>(&'a self, method: &'a Method, uri: &'a Uri) -> DpopProof<'a> {
        DpopProof::new(self, method, uri)
    }

    /// The first segment of each proof.
    pub(super) fn header(&self) -> &str {
        &self.0.header
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BoxError> {
        match &self.0.signer {
            Signer::Here(key) => Ok(key.sign_proof(message)?),
            Signer::Elsewhere(signer) => signer.sign(message),
        }
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopKey")
            .field("algorithm", &self.0.algorithm)
            .field("thumbprint", &self.0.thumbprint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dpop::DpopProofErrorKind;

    #[test]
    fn what_is_kept_is_the_same_key_and_debug_shows_none_of_it() {
        let key = DpopKey::generate().unwrap();
        let kept = key.export_private().unwrap();
        let again = DpopKey::from_pem(Algorithm::ES256, kept.expose()).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint());
        let secret = kept.expose().lines().nth(1).unwrap();
        assert!(
            !format!("{key:?} {:?}", key.proof(&Method::GET, &Uri::default())).contains(secret)
        );
        let jwk = VerifyingKey::from_jwk(key.public_jwk()).unwrap();
        assert_eq!(jwk.thumbprint(), key.thumbprint().to_string());
        assert_eq!(key.public_jwk().matches(':').count(), 4);
    }

    #[test]
    fn a_secret_is_no_key_of_a_proof() {
        let secret = SigningKey::generate(Algorithm::HS256).unwrap();
        let error = DpopKey::from_signing_key(secret).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Use);
    }

    /// A key of RFC 9449 §4.1 has the thumbprint that §6.1 names.
    #[test]
    fn the_thumbprint_of_the_rfc() {
        let jwk = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
        struct Device(VerifyingKey);
        impl DpopSigner for Device {
            fn public_key(&self) -> VerifyingKey {
                self.0.clone()
            }
            fn sign(&self, _: &[u8]) -> Result<Vec<u8>, BoxError> {
                Err("it is unplugged".into())
            }
        }
        let key = DpopKey::from_signer(Device(VerifyingKey::from_jwk(jwk).unwrap())).unwrap();
        let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(key.thumbprint().to_string(), jkt);
        assert!(key.export_private().is_none());
        let uri = Uri::from_static("https://a.example/");
        let error = key.proof(&Method::GET, &uri).sign().unwrap_err();
        assert_eq!(error.kind(), DpopProofErrorKind::Signer);
    }
}
