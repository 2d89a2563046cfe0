//! What a browser signs with its key.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::{
    field::{self, Malformed},
    seal::{Purpose, Sealer},
};
use crate::{
    Algorithm, VerifyingKey,
    claims::{KeyThumbprint, SessionId},
    device_key, json,
    jws::{CryptoProvider, SelfSigned},
    session::KeyProof,
};

/// What browsers are offered, the cheaper first.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

/// The longest proof. One with a registered key of RSA is the longest, below 4 KiB.
const MAX_BYTES: usize = 8 * 1024;

const TYP: &str = "dbsc+jwt";

/// A proof whose signature is right. Whose key it is, and what it signs, is not known yet.
pub(super) struct Proof {
    pub(super) key: VerifyingKey,
    challenge: String,
    authorization: Option<String>,
}

impl Proof {
    /// The proof of a request, by the key in it or, if the key is `known`, by that one.
    pub(super) fn read(
        headers: &HeaderMap,
        provider: CryptoProvider,
        known: Option<&VerifyingKey>,
    ) -> Result<Option<Self>, Malformed> {
        let Some(jws) = field::only(headers, &field::RESPONSE, MAX_BYTES)? else {
            return Ok(None);
        };
        let signed = SelfSigned::open(jws, TYP, &ALGORITHMS, Some(provider), known, MAX_BYTES);
        let signed = signed.map_err(|_error| {
            crate::trace::debug!(error = %_error, "the proof of a device is refused");
            Malformed
        })?;
        let mut members = json::object(&signed.payload).map_err(|_| Malformed)?;
        let mut text = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Malformed),
        };
        Ok(Some(Self {
            challenge: text("jti")?.ok_or(Malformed)?,
            authorization: text("authorization")?,
            key: signed.key,
        }))
    }

    /// The evidence for the session, once it is known what was signed.
    pub(super) fn of_key(&self) -> KeyProof {
        KeyProof::dbsc(thumbprint(&self.key))
    }

    /// Whether it signs a challenge for this session that is not older than this.
    pub(super) fn answers(&self, sealer: &Sealer, session: SessionId, longest: Duration) -> bool {
        let challenge = sealer.open(Purpose::Challenge, &self.challenge, longest);
        challenge == Some(session)
    }

    /// Whether it brings the offer that this session's login was answered with.
    pub(super) fn takes_offer(
        &self,
        sealer: &Sealer,
        session: SessionId,
        longest: Duration,
    ) -> bool {
        let offer = self.authorization.as_deref();
        let offer = offer.and_then(|offer| sealer.open(Purpose::Offer, offer, longest));
        offer == Some(session)
    }
}

/// The thumbprint that a session is bound by.
pub(super) fn thumbprint(key: &VerifyingKey) -> KeyThumbprint {
    device_key::of_device(key.thumbprint())
}
