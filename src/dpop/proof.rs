//! [`DpopProof`], the header that proves one request (RFC 9449 §4.2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Method, Uri};
use serde_json::{Map, Value};

use super::{key::DpopKey, url::PlainUrl};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    error::BoxError,
    jws::sha256,
};
use DpopProofErrorKind as Kind;

/// Enough random bytes that no two proofs have the same `jti`.
const JTI_BYTES: usize = 16;

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

impl<'a> DpopProof<'a> {
    pub(super) fn new(key: &'a DpopKey, method: &'a Method, uri: &'a Uri) -> Self {
        Self {
            key,
            method,
            uri,
            access_token: None,
            nonce: None,
            at: None,
        }
    }

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
    /// The proof names scheme, host and port of the URL in their normal form (RFC 3986 §6.2.2.1 and
    /// §6.2.3), and the path as it is, because not every server normalises a path before it compares.
    ///
    /// # Errors
    ///
    /// The [kind](DpopProofError::kind) says whether the URL, the operating system or the key is at
    /// fault.
    pub fn sign(self) -> Result<HeaderValue, DpopProofError> {
        let claims = self.claims()?;
        let mut proof = self.key.header().to_owned();
        proof.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut proof);
        let signature = self.key.sign(proof.as_bytes());
        let signature = signature.map_err(|error| Kind::Signer.because(error))?;
        proof.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut proof);
        let header = HeaderValue::try_from(proof);
        let mut header = header.map_err(|error| Kind::Signer.because(error))?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn claims(&self) -> Result<String, DpopProofError> {
        let url = PlainUrl::as_sent(&self.uri.to_string()).ok_or(DpopProofError::url())?;
        let mut jti = [0; JTI_BYTES];
        getrandom::fill(&mut jti).map_err(|error| Kind::Random.because(error))?;
        let time = self.at.unwrap_or_else(|| SystemClock.now());
        let mut claims = Map::new();
        let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        add("jti", URL_SAFE_NO_PAD.encode(jti).into());
        add("htm", self.method.as_str().into());
        add("htu", url.to_string().into());
        add("iat", time.as_secs().into());
        if let Some(hash) = self.access_token {
            add("ath", URL_SAFE_NO_PAD.encode(hash).into());
        }
        if let Some(nonce) = self.nonce {
            add("nonce", nonce.into());
        }
        Ok(Value::Object(claims).to_string())
    }
}

/// A proof that could not be signed.
///
/// The cause that [`source`](std::error::Error::source) returns is for logs.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct DpopProofError {
    kind: DpopProofErrorKind,
    source: Option<BoxError>,
}

/// Why a proof could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DpopProofErrorKind {
    /// The URL of the request is not absolute, its scheme is neither `https` nor `http`, or it has a
    /// user name.
    #[error("a proof needs an absolute https or http URL without a user name")]
    Url,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes for a proof")]
    Random,
    /// The key did not sign.
    #[error("the key did not sign the proof")]
    Signer,
}

impl DpopProofErrorKind {
    fn because(self, source: impl Into<BoxError>) -> DpopProofError {
        DpopProofError {
            kind: self,
            source: Some(source.into()),
        }
    }
}

impl DpopProofError {
    fn url() -> Self {
        Self {
            kind: Kind::Url,
            source: None,
        }
    }

    /// What is at fault.
    pub fn kind(&self) -> DpopProofErrorKind {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::{Algorithm, CryptoProvider, SelfSigned, SigningKey};

    const URL: &str = "HTTPS://API.Example:443/files/a%20b?page=2#part";

    fn claims(proof: &HeaderValue, key: &DpopKey) -> Value {
        assert!(proof.is_sensitive());
        let proof = proof.to_str().unwrap();
        let algorithms = [key.algorithm()];
        let opened = SelfSigned::open(proof, "dpop+jwt", &algorithms, None, None, 8192).unwrap();
        assert_eq!(opened.thumbprint().as_ref(), Some(key.thumbprint()));
        serde_json::from_slice(&opened.payload).unwrap()
    }

    #[test]
    fn a_key_is_checked_by_the_provider_that_was_asked_for() {
        let key = DpopKey::generate().unwrap();
        let uri = URL.parse().unwrap();
        let proof = key.proof(&Method::POST, &uri).sign().unwrap();
        let (proof, algorithms) = (proof.to_str().unwrap(), [key.algorithm()]);
        let open = |provider| {
            SelfSigned::open(proof, "dpop+jwt", &algorithms, provider, None, 8192).unwrap()
        };
        for provider in CryptoProvider::built_in() {
            assert_eq!(open(Some(*provider)).key.provider(), *provider);
        }
        assert_eq!(open(None).key.provider(), CryptoProvider::default());
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

    /// A proof with all members, for a long address.
    #[cfg(feature = "aws-lc-rs")]
    #[test]
    fn proofs_of_the_smallest_ml_dsa_are_short_enough() {
        let key = SigningKey::generate(Algorithm::MLDSA44).unwrap();
        let key = DpopKey::from_signing_key(key).unwrap();
        let uri = format!("https://api.example/{}", "a".repeat(1000));
        let uri = uri.parse().unwrap();
        let proof = key.proof(&Method::POST, &uri);
        let nonce = "n".repeat(100);
        let proof = proof.access_token("token").nonce(&nonce);
        assert_eq!(claims(&proof.sign().unwrap(), &key)["htm"], "POST");
        for algorithm in [Algorithm::MLDSA65, Algorithm::MLDSA87] {
            let key = SigningKey::generate(algorithm).unwrap();
            let error = DpopKey::from_signing_key(key).unwrap_err();
            assert!(error.to_string().contains("8 KiB"), "{error}");
        }
    }

    #[test]
    fn the_url_is_named_in_one_way_and_its_path_as_it_is() {
        let key = DpopKey::generate().unwrap();
        for (uri, wanted) in [
            ("https://a.example", "https://a.example/"),
            ("http://A.example:80?x", "http://a.example/"),
            ("http://a.example:443/", "http://a.example:443/"),
            ("https://[::A]:8443/a/", "https://[::a]:8443/a/"),
            (
                "https://a.example:/%7Ea/../b",
                "https://a.example/%7Ea/../b",
            ),
        ] {
            let uri = uri.parse().unwrap();
            let proof = key.proof(&Method::GET, &uri).sign().unwrap();
            assert_eq!(claims(&proof, &key)["htu"], wanted);
        }
    }

    #[test]
    fn a_proof_that_no_server_would_take_is_an_error() {
        let key = DpopKey::generate().unwrap();
        for uri in [
            "/files",
            "*",
            "a.example:443",
            "ws://a.example/",
            "https://anna@a.example/",
        ] {
            let uri = uri.parse().unwrap();
            let error = key.proof(&Method::GET, &uri).sign().unwrap_err();
            assert_eq!(error.kind(), Kind::Url, "{uri}");
        }
    }
}
