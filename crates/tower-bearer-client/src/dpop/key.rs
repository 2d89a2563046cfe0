//! The one place that knows whether DPoP is compiled in: without it, there is no value of [`Key`].

use std::fmt;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use tower_bearer::{claims::KeyThumbprint, clock::Timestamp};

use crate::{dpop::Target, error::ClientError};

/// The key that a session proves itself by.
#[derive(Clone, Debug)]
pub(crate) struct Key(Inner);

#[cfg(feature = "dpop")]
type Inner = tower_bearer::dpop::DpopKey;
#[cfg(not(feature = "dpop"))]
type Inner = std::convert::Infallible;

/// The key of a session as a store keeps it. A program without the feature keeps it as it is, for the
/// tokens are worth nothing without it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SavedKey {
    /// The thumbprint.
    pub(crate) jkt: KeyThumbprint,
    /// `None` if the program has the key elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<SavedPrivate>,
}

#[derive(Clone, Serialize, Deserialize)]
struct SavedPrivate {
    alg: String,
    /// PKCS#8 PEM.
    pem: Pem,
}

/// It is wiped from memory when it is dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Pem(String);

impl Drop for Pem {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl SavedKey {
    /// How many bytes it has at most as JSON.
    pub(crate) fn bytes(&self) -> usize {
        let private = self.private.as_ref();
        128 + 2 * private.map_or(0, |private| private.pem.0.len())
    }
}

impl fmt::Debug for SavedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SavedKey").field(&self.jkt).finish()
    }
}

#[cfg(feature = "dpop")]
impl Key {
    pub(crate) fn given(key: tower_bearer::dpop::DpopKey) -> Self {
        Self(key)
    }

    pub(crate) fn generate() -> Result<Self, ClientError> {
        let key = tower_bearer::dpop::DpopKey::generate();
        let key =
            key.map_err(|error| ClientError::no_proof("a key could not be made").caused_by(error))?;
        Ok(Self(key))
    }

    pub(crate) fn thumbprint(&self) -> &KeyThumbprint {
        self.0.thumbprint()
    }

    pub(crate) fn is(&self, saved: &SavedKey) -> bool {
        *self.thumbprint() == saved.jkt
    }

    /// What a store keeps of a key that the session has made.
    pub(crate) fn to_saved(&self) -> SavedKey {
        let private = self.0.export_private().map(|text| SavedPrivate {
            alg: self.0.algorithm().to_string(),
            pem: Pem(text.expose().to_owned()),
        });
        SavedKey {
            jkt: self.thumbprint().clone(),
            private,
        }
    }

    /// What a store keeps of a key that the program keeps itself.
    pub(crate) fn to_named(&self) -> SavedKey {
        SavedKey {
            jkt: self.thumbprint().clone(),
            private: None,
        }
    }

    pub(crate) fn read(saved: &SavedKey) -> Result<Self, ClientError> {
        let Some(private) = &saved.private else {
            return Err(ClientError::no_proof(
                "the program that signed in has the key",
            ));
        };
        let unreadable = || ClientError::no_proof("the kept key cannot be read");
        let alg = private.alg.parse();
        let alg = alg.map_err(|error| unreadable().caused_by(error))?;
        let key = tower_bearer::dpop::DpopKey::from_pem(alg, private.pem.0.as_bytes());
        let key = Self(key.map_err(|error| unreadable().caused_by(error))?);
        match key.is(saved) {
            true => Ok(key),
            false => Err(unreadable()),
        }
    }

    pub(crate) fn prove(
        &self,
        target: Target<'_>,
        nonce: Option<&HeaderValue>,
        at: Timestamp,
    ) -> Result<HeaderValue, ClientError> {
        let mut proof = self.0.proof(target.method, target.uri).at(at);
        if let Some(token) = target.access_token {
            proof = proof.access_token(token);
        }
        if let Some(nonce) = nonce.and_then(|nonce| nonce.to_str().ok()) {
            proof = proof.nonce(nonce);
        }
        proof.sign().map_err(|error| {
            ClientError::no_proof("a request could not be signed").caused_by(error)
        })
    }
}

#[cfg(not(feature = "dpop"))]
impl Key {
    pub(crate) fn generate() -> Result<Self, ClientError> {
        Err(no_feature())
    }

    pub(crate) fn thumbprint(&self) -> &KeyThumbprint {
        match self.0 {}
    }

    pub(crate) fn is(&self, _saved: &SavedKey) -> bool {
        match self.0 {}
    }

    pub(crate) fn to_saved(&self) -> SavedKey {
        match self.0 {}
    }

    pub(crate) fn to_named(&self) -> SavedKey {
        match self.0 {}
    }

    pub(crate) fn read(_saved: &SavedKey) -> Result<Self, ClientError> {
        Err(no_feature())
    }

    pub(crate) fn prove(
        &self,
        _target: Target<'_>,
        _nonce: Option<&HeaderValue>,
        _at: Timestamp,
    ) -> Result<HeaderValue, ClientError> {
        match self.0 {}
    }
}

#[cfg(not(feature = "dpop"))]
fn no_feature() -> ClientError {
    ClientError::no_proof("this program was built without the feature dpop")
}
