//! [`DpopKey`], by which a client proves who it is (RFC 9449 §4.2).

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Method, Uri};
use serde::Serialize;
use serde_json::{Value, json};

use super::signer::DpopSigner;
use crate::{
    claims::KeyThumbprint,
    clock::{Clock, SystemClock, Timestamp},
    error::BoxError,
    jws::{Algorithm, KeyError, KeyErrorKind, PrivateKeyText, SigningKey, VerifyingKey, sha256},
};

/// Enough random bytes that no two proofs have the same `jti`.
const JTI_BYTES: usize = 16;

/// The private key of a client, which makes a [`Proof`] for each request. It is cheap to clone.
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
    public_jwk: Value,
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
    /// (RFC 9449 §4.2).
    pub fn from_signing_key(key: SigningKey) -> Result<Self, KeyError> {
        let public = key.verifying_key();
        Self::new(Signer::Here(key), &public)
    }

    /// Has proofs signed by a key that is elsewhere.
    ///
    /// # Errors
    ///
    /// [`Use`](KeyErrorKind::Use) if its public key is a secret.
    pub fn from_signer(signer: impl DpopSigner) -> Result<Self, KeyError> {
        let public = signer.public_key();
        Self::new(Signer::Elsewhere(Box::new(signer)), &public)
    }

    fn new(signer: Signer, public: &VerifyingKey) -> Result<Self, KeyError> {
        let no_pair = || KeyError::new(KeyErrorKind::Use, "a proof needs a key pair, not a secret");
        let public_jwk = public.public_members().cloned().ok_or_else(no_pair)?;
        let thumbprint = public.thumbprint().parse().map_err(|_| no_pair())?;
        let algorithm = public.algorithm();
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
            public_jwk,
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

    /// The public key as a JWK, as it is in the header of each proof.
    pub fn public_jwk(&self) -> &Value {
        &self.0.public_jwk
    }

    /// The private key as PKCS#8 PEM, which [`from_pem`](Self::from_pem) reads. `None` if the key is
    /// [elsewhere](Self::from_signer).
    pub fn export_private(&self) -> Option<PrivateKeyText> {
        match &self.0.signer {
            Signer::Here(key) => Some(key.export_private()),
            Signer::Elsewhere(_) => None,
        }
    }

    /// Begins a proof for one request with this method to this URL, which has to be the absolute one.
    /// Its query is left out of the proof.
    pub fn proof<'a>(&'a self, method: &'a Method, uri: &'a Uri) -> DpopProof<'a> {
        DpopProof {
            key: self,
            method,
            uri,
            access_token: None,
            nonce: None,
            at: None,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, DpopProofError> {
        match &self.0.signer {
            Signer::Here(key) => key.sign_proof(message).map_err(failed),
            Signer::Elsewhere(signer) => signer.sign(message).map_err(failed),
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

/// A proof that is about to be signed: that whoever sends this one request holds the key. Make a new
/// one each time that a request is sent, because servers take each only once.
#[derive(Clone, Debug)]
#[must_use]
pub struct DpopProof<'a> {
    key: &'a DpopKey,
    method: &'a Method,
    uri: &'a Uri,
    access_token: Option<[u8; 32]>,
    nonce: Option<&'a str>,
    at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    htm: &'a str,
    htu: String,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl<'a> DpopProof<'a> {
    /// Names the access token that the request presents. A request to a token endpoint presents
    /// none.
    pub fn access_token(mut self, token: &str) -> Self {
        self.access_token = Some(sha256(token.as_bytes()));
        self
    }

    /// Names the nonce that the server sent last in the header `DPoP-Nonce` (RFC 9449 §8).
    pub fn nonce(mut self, nonce: &'a str) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// The time of the proof, for a client whose clock is known to be wrong. Default: now.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.at = Some(time);
        self
    }

    /// Signs the proof: the value of the header `DPoP`, marked as sensitive.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes, or the key does not sign.
    pub fn sign(self) -> Result<HeaderValue, DpopProofError> {
        let mut jti = [0; JTI_BYTES];
        getrandom::fill(&mut jti).map_err(failed)?;
        let claims = Claims {
            jti: URL_SAFE_NO_PAD.encode(jti),
            htm: self.method.as_str(),
            htu: target(self.uri),
            iat: self.at.unwrap_or_else(|| SystemClock.now()).as_secs(),
            ath: self.access_token.map(|hash| URL_SAFE_NO_PAD.encode(hash)),
            nonce: self.nonce,
        };
        let claims = serde_json::to_vec(&claims).map_err(failed)?;
        let mut proof = self.key.0.header.clone();
        proof.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut proof);
        let signature = self.key.sign(proof.as_bytes())?;
        proof.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut proof);
        let mut header = HeaderValue::try_from(proof).map_err(failed)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

/// A proof that could not be signed.
///
/// The cause that [`source`](std::error::Error::source) leads to is for logs.
#[derive(Debug, thiserror::Error)]
#[error("the proof could not be signed")]
pub struct DpopProofError {
    source: BoxError,
}

fn failed(source: impl Into<BoxError>) -> DpopProofError {
    let source = source.into();
    DpopProofError { source }
}

/// The URL without query and fragment, as browsers would write it: a server that compares it letter by
/// letter finds what it expects (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3).
fn target(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => 0,
    };
    let path = uri.path();
    match uri.port_u16().filter(|port| *port != default) {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::SelfSigned;

    const URL: &str = "HTTPS://API.Example:443/files/a%20b?page=2#part";

    fn claims(proof: &HeaderValue, key: &DpopKey) -> Value {
        assert!(proof.is_sensitive());
        let proof = proof.to_str().unwrap();
        let algorithms = [key.algorithm()];
        let opened = SelfSigned::open(proof, "dpop+jwt", &algorithms, None, 8192).unwrap();
        assert_eq!(opened.thumbprint().as_ref(), Some(key.thumbprint()));
        serde_json::from_slice(&opened.payload).unwrap()
    }

    #[test]
    fn a_proof_says_what_it_is_for() {
        let uri = URL.parse().unwrap();
        let asymmetric = [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];
        for algorithm in asymmetric {
            let key = SigningKey::generate(algorithm).unwrap();
            let key = DpopKey::from_signing_key(key).unwrap();
            let proof = key.proof(&Method::POST, &uri).at(Timestamp::from_millis(9));
            let bare = claims(&proof.clone().sign().unwrap(), &key);
            assert_eq!(bare["htm"], "POST");
            assert_eq!(bare["htu"], "https://api.example/files/a%20b");
            assert_eq!(bare["iat"], 0);
            assert!(bare.get("ath").is_none() && bare.get("nonce").is_none());

            // RFC 9449 §7.1.
            let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
            let full = proof.access_token(token).nonce("a\"b").sign().unwrap();
            let full = claims(&full, &key);
            assert_eq!(full["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
            assert_eq!(full["nonce"], "a\"b");
            assert_ne!(full["jti"], bare["jti"]);
        }
    }

    #[test]
    fn the_target_is_written_in_one_way() {
        for (uri, wanted) in [
            ("https://a.example", "https://a.example/"),
            ("http://A.example:80?x", "http://a.example/"),
            ("http://a.example:443/", "http://a.example:443/"),
            ("https://[::1]:8443/a/", "https://[::1]:8443/a/"),
        ] {
            assert_eq!(target(&uri.parse().unwrap()), wanted);
        }
    }

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
        let jwk = key.public_jwk().as_object().unwrap();
        assert_eq!(jwk.keys().count(), 4, "{jwk:?}");
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
        assert!(key.proof(&Method::GET, &uri).sign().is_err());
    }
}
