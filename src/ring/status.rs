use std::time::Duration;

use super::{document::Document, series::Series};
use crate::{clock::Timestamp, jws::Algorithm};

/// What a process knows of a [`KeyRing`](super::KeyRing): for an operator, and for alerts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyRingStatus {
    /// The access keys and then the refresh secrets, each in the order in which they sign.
    pub keys: Vec<RingKeyStatus>,
    /// How long ago this process has begun the last read of the ring that succeeded.
    pub age: Duration,
}

/// A key of a [`KeyRing`](super::KeyRing).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingKeyStatus {
    /// What tokens name it by.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// Whether it signs now.
    pub state: KeyState,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it begins to sign, or has begun.
    pub signs_from: Timestamp,
    /// Until when it verifies at least. Some minutes later it goes, unless the application
    /// [gives](super::KeyRingBuilder::first_access_key) it. `None` until another key signs in its place and the ring has noted it.
    pub verifies_until: Option<Timestamp>,
}

/// What a key of a ring signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyPurpose {
    /// Access tokens.
    Access,
    /// Refresh tokens.
    Refresh,
}

/// What a key of a ring does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// It is published and verifies, and signs later.
    Next,
    /// It signs and verifies.
    Signing,
    /// It verifies what it has signed.
    Verifying,
}

impl KeyRingStatus {
    pub(super) fn of(document: &Document, now: Timestamp, age: Duration) -> Self {
        let access = statuses(&document.access, KeyPurpose::Access, now);
        let refresh = statuses(&document.refresh, KeyPurpose::Refresh, now);
        Self {
            keys: access.into_iter().chain(refresh).collect(),
            age,
        }
    }
}

fn statuses(series: &Series, purpose: KeyPurpose, now: Timestamp) -> Vec<RingKeyStatus> {
    let signer = series.signer(now).map(|key| key.key.kid());
    let keys = series.ending();
    keys.map(|(key, verifies_until)| RingKeyStatus {
        kid: key.key.kid().to_owned(),
        algorithm: key.key.algorithm(),
        purpose,
        state: match key.times.signs_from > now {
            _ if signer == Some(key.key.kid()) => KeyState::Signing,
            true => KeyState::Next,
            false => KeyState::Verifying,
        },
        made_at: key.times.made_at,
        signs_from: key.times.signs_from,
        verifies_until,
    })
    .collect()
}
