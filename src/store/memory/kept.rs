use std::sync::{Arc, Mutex};

use super::lock;
use crate::{
    claims::{Scope, SessionId},
    clock::Timestamp,
    store::{Metadata, PrivateClaims, Revoked, Session, SessionSecret},
};

/// A session as it lies in memory, small: one block, shared by the shard and the indexes.
///
/// What never changes is in the open; the rest changes only while the shard is locked.
pub(super) struct Kept {
    pub(super) id: SessionId,
    pub(super) subject: Box<str>,
    pub(super) ends_at: Timestamp,
    issuer: Arc<str>,
    secret: SessionSecret,
    created_at: Timestamp,
    auth_time: Timestamp,
    scope: Scope,
    extras: Option<Box<Extras>>,
    state: Mutex<State>,
}

/// What many sessions lack.
struct Extras {
    client_id: Option<String>,
    claims: PrivateClaims,
    /// A map would take half a kilobyte, however little is in it.
    metadata: Box<[(Box<str>, Box<str>)]>,
}

/// What a swap may change.
struct State {
    generation: u32,
    late: u32,
    version: u64,
    rotated_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    last_refreshed_at: Option<Timestamp>,
    expires_at: Timestamp,
    revoked: Option<Revoked>,
}

impl Kept {
    /// The session at version 0. `issuer` is the session's, where others have it too.
    pub(super) fn new(session: &Session, issuer: Arc<str>) -> Self {
        Self {
            id: session.id,
            subject: session.subject.as_str().into(),
            ends_at: session.ends_at,
            issuer,
            secret: session.secret.clone(),
            created_at: session.created_at,
            auth_time: session.auth_time,
            scope: session.scope.clone(),
            extras: Extras::new(session).map(Box::new),
            state: Mutex::new(State::new(session, 0)),
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A copy of the whole.
    pub(super) fn session(&self) -> Session {
        let extras = self.extras.as_deref();
        let state = lock(&self.state);
        Session {
            id: self.id,
            issuer: self.issuer.as_ref().to_owned(),
            subject: self.subject.as_ref().to_owned(),
            secret: self.secret.clone(),
            generation: state.generation,
            rotated_at: state.rotated_at,
            delivered_at: state.delivered_at,
            confirmed_at: state.confirmed_at,
            late: state.late,
            expires_at: state.expires_at,
            ends_at: self.ends_at,
            revoked: state.revoked,
            version: state.version,
            created_at: self.created_at,
            last_refreshed_at: state.last_refreshed_at,
            auth_time: self.auth_time,
            scope: self.scope.clone(),
            client_id: extras.and_then(|extras| extras.client_id.clone()),
            claims: extras.map_or_else(PrivateClaims::default, |extras| extras.claims.clone()),
            metadata: extras.map_or_else(Metadata::new, Extras::metadata),
        }
    }

    /// Takes over what a swap may change, where the version is the expected one and the session
    /// not revoked.
    pub(super) fn swap(&self, expected: u64, next: &Session) -> bool {
        let mut state = lock(&self.state);
        let fits = state.revoked.is_none() && state.version == expected;
        // A version that cannot be followed by another is the last.
        let swapped = fits && state.version < u64::MAX;
        if swapped {
            *state = State::new(next, next.version);
        }
        swapped
    }

    pub(super) fn confirm(&self, generation: u32, now: Timestamp) -> bool {
        let mut state = lock(&self.state);
        let fits = state.generation == generation && state.confirmed_at.is_none();
        let advanced = fits && state.advance();
        if advanced {
            state.confirmed_at = Some(now);
        }
        advanced
    }

    pub(super) fn revoke(&self, revoked: Revoked) -> bool {
        let mut state = lock(&self.state);
        let advanced = state.advance();
        if advanced {
            state.revoked = Some(revoked);
        }
        advanced
    }
}

impl Extras {
    fn new(session: &Session) -> Option<Self> {
        let none = session.client_id.is_none()
            && session.claims == PrivateClaims::default()
            && session.metadata.is_empty();
        let metadata = session.metadata.iter();
        (!none).then(|| Self {
            client_id: session.client_id.clone(),
            claims: session.claims.clone(),
            metadata: metadata
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
                .collect(),
        })
    }

    fn metadata(&self) -> Metadata {
        let members = self.metadata.iter();
        members
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }
}

impl State {
    fn new(session: &Session, version: u64) -> Self {
        Self {
            generation: session.generation,
            late: session.late,
            version,
            rotated_at: session.rotated_at,
            delivered_at: session.delivered_at,
            confirmed_at: session.confirmed_at,
            last_refreshed_at: session.last_refreshed_at,
            expires_at: session.expires_at,
            revoked: session.revoked,
        }
    }

    /// Takes the next version, unless the session is revoked or there is none.
    fn advance(&mut self) -> bool {
        let next = self
            .version
            .checked_add(1)
            .filter(|_| self.revoked.is_none());
        self.version = next.unwrap_or(self.version);
        next.is_some()
    }
}
