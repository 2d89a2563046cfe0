//! How a session proves that it holds the key that its tokens are bound to (RFC 9449).
//!
//! Only `key` knows whether the feature is on. Without it nobody has a key, and the rest has nothing
//! to do.

mod key;
mod learnt;
#[cfg(feature = "dpop")]
mod login;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use tower_bearer::clock::{Clock, Timestamp};

pub(crate) use key::{Key, SavedKey};
use learnt::Learnt;
pub(crate) use learnt::Place;
#[cfg(feature = "dpop")]
pub use login::DpopLogin;

use crate::{error::ClientError, origin::Origin};

/// The header of a proof (RFC 9449 §4.1).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// What is configured about keys, and what servers have said.
#[derive(Default)]
pub(crate) struct Dpop {
    keys: Keys,
    learnt: Learnt,
}

/// Where the key of a session comes from.
#[derive(Debug, Default)]
#[cfg_attr(
    not(feature = "dpop"),
    expect(dead_code, reason = "without the feature nobody has a key")
)]
pub(crate) enum Keys {
    #[default]
    None,
    /// The session makes one for each login.
    Made,
    /// The program has one.
    Given(Key),
}

/// What a proof is for.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "dpop"),
    expect(dead_code, reason = "without the feature nobody has a key")
)]
pub(crate) struct Target<'a> {
    pub(crate) place: &'a Place,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) access_token: Option<&'a str>,
}

/// A proof that was sent, as far as the answer to it is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    place: Place,
    server: Origin,
    nonce: Option<HeaderValue>,
}

impl Dpop {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys,
            ..Self::default()
        }
    }

    /// A key to log in with. `None` if the program wants none.
    pub(crate) fn login_key(&self) -> Result<Option<Key>, ClientError> {
        match &self.keys {
            Keys::None => Ok(None),
            Keys::Given(key) => Ok(Some(key.clone())),
            Keys::Made => Key::generate().map(Some),
        }
    }

    /// The key that the program has itself.
    pub(crate) fn given_key(&self) -> Option<&Key> {
        match &self.keys {
            Keys::Given(key) => Some(key),
            Keys::None | Keys::Made => None,
        }
    }

    /// The key of a session that was kept, if it has one. It counts whatever the program wants for
    /// the next login, because without it the kept tokens are good for nothing.
    pub(crate) fn kept_key(&self, saved: Option<&SavedKey>) -> Result<Option<Key>, ClientError> {
        let Some(saved) = saved else {
            return Ok(None);
        };
        match &self.keys {
            Keys::Given(key) if key.is(saved) => Ok(Some(key.clone())),
            Keys::Given(_) => Err(ClientError::no_proof("the session is bound to another key")),
            Keys::None | Keys::Made => Key::read(saved).map(Some),
        }
    }

    /// What a store keeps of a key that was logged in with.
    pub(crate) fn to_saved(&self, key: &Key) -> SavedKey {
        match self.keys {
            Keys::Given(_) => key.to_named(),
            Keys::None | Keys::Made => key.to_saved(),
        }
    }

    /// A proof for one request, with the nonce and the time that its server wants.
    pub(crate) fn prove(
        &self,
        key: &Key,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<(HeaderValue, Sent), ClientError> {
        let server = Origin::of(target.uri).map_err(ClientError::no_proof)?;
        let nonce = self.learnt.nonce(target.place);
        let ahead = self.learnt.ahead(&server);
        let at = Timestamp::from_millis(now.as_millis().saturating_add(ahead));
        let proof = key.prove(target, nonce.as_ref(), at)?;
        let sent = Sent {
            place: target.place.clone(),
            server,
            nonce,
        };
        Ok((proof, sent))
    }

    /// Remembers the nonce that came with an answer, whatever the answer is.
    pub(crate) fn hear(&self, sent: &Sent, headers: &HeaderMap) {
        self.learnt.hear_nonce(&sent.place, headers);
    }

    /// Whether another proof is likely to be taken after one was refused for `flaw`: one with a nonce
    /// that was not sent yet, or with the time of a server whose clock shows another one.
    pub(crate) fn can_mend(
        &self,
        flaw: Flaw,
        sent: &Sent,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> bool {
        match flaw {
            Flaw::Nonce => {
                let nonce = self.learnt.nonce(&sent.place);
                nonce.is_some() && nonce != sent.nonce
            }
            Flaw::Proof => self.learnt.hear_clock(&sent.server, headers, now),
        }
    }
}

/// Why a proof was refused (RFC 9449 §7.1 and §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// `invalid_dpop_proof`
    Proof,
    /// `use_dpop_nonce`
    Nonce,
}

impl Flaw {
    pub(crate) fn named(error: &[u8]) -> Option<Self> {
        match error {
            b"invalid_dpop_proof" => Some(Self::Proof),
            b"use_dpop_nonce" => Some(Self::Nonce),
            _ => None,
        }
    }
}

/// Each flaw is mended once for one request, so that no server has it repeated in a loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofChances {
    nonce: bool,
    proof: bool,
}

impl ProofChances {
    pub(crate) fn new() -> Self {
        Self {
            nonce: true,
            proof: true,
        }
    }

    pub(crate) fn any(self) -> bool {
        self.nonce || self.proof
    }

    /// Whether this is the first flaw of its kind.
    pub(crate) fn take(&mut self, flaw: Flaw) -> bool {
        std::mem::take(match flaw {
            Flaw::Nonce => &mut self.nonce,
            Flaw::Proof => &mut self.proof,
        })
    }
}

/// A session's key, for the requests to the token endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Prover<'a> {
    pub(crate) dpop: &'a Dpop,
    pub(crate) key: &'a Key,
    pub(crate) clock: &'a dyn Clock,
}

impl Prover<'_> {
    pub(crate) fn prove(&self, uri: &Uri) -> Result<(HeaderValue, Sent), ClientError> {
        let target = Target {
            place: &Place::TokenEndpoint,
            method: &Method::POST,
            uri,
            access_token: None,
        };
        self.dpop.prove(self.key, target, self.clock.now())
    }

    /// The flaw for which the proof was refused, if another proof is likely to be taken.
    pub(crate) fn flaw(
        &self,
        error: &ClientError,
        sent: &Sent,
        headers: &HeaderMap,
    ) -> Option<Flaw> {
        let flaw = Flaw::named(error.code()?.as_bytes())?;
        let now = self.clock.now();
        let can_mend = self.dpop.can_mend(flaw, sent, headers, now);
        can_mend.then_some(flaw)
    }
}
