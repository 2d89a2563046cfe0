use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::lock;
use crate::{
    claims::{PrivateClaims, Scope, SessionId},
    clock::Timestamp,
    store::{Ended, Extra, Metadata, Record, Session, SessionSecret, SessionState},
};

/// A session in a compact form: one allocation, which the shard and the indexes share.
///
/// Only `state` ever changes, and only while the shard is locked. As the session ends, another
/// takes its place, without notes and claims.
pub(super) struct Kept {
    pub(super) id: SessionId,
    pub(super) subject: Box<str>,
    pub(super) ends_at: Timestamp,
    issuer: Arc<str>,
    secret: SessionSecret,
    created_at: Timestamp,
    scope: Scope,
    rare: Option<Box<Rare>>,
    state: Mutex<SessionState>,
}

/// Fields that have their default value in most sessions.
#[derive(PartialEq)]
struct Rare {
    auth_time: Timestamp,
    client_id: Option<String>,
    claims: PrivateClaims,
    /// A slice, since even a small map takes half a kilobyte.
    metadata: Box<[(Box<str>, Box<str>)]>,
    idle_lifetime: Option<Duration>,
    extra: Extra,
}

impl Kept {
    /// `issuer` is the session's issuer; sessions of the same issuer share its text.
    pub(super) fn new(record: &Record, issuer: Arc<str>) -> Self {
        let Record { session, state } = record;
        let Session {
            id,
            issuer: _,
            subject,
            secret,
            created_at,
            auth_time,
            ends_at,
            scope,
            client_id,
            claims,
            metadata,
            idle_lifetime,
            extra,
        } = session;
        let noted = metadata.iter();
        let rare = Rare {
            auth_time: *auth_time,
            client_id: client_id.clone(),
            claims: claims.clone(),
            metadata: noted
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
                .collect(),
            idle_lifetime: *idle_lifetime,
            extra: extra.clone(),
        };
        Self {
            id: *id,
            subject: subject.as_str().into(),
            ends_at: *ends_at,
            issuer,
            secret: secret.clone(),
            created_at: *created_at,
            scope: scope.clone(),
            rare: (rare != Rare::none(*created_at)).then(|| Box::new(rare)),
            state: Mutex::new(state.clone()),
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A copy of the session as the contract has it.
    pub(super) fn record(&self) -> Record {
        let none = Rare::none(self.created_at);
        let rare = self.rare.as_deref().unwrap_or(&none);
        let session = Session {
            id: self.id,
            issuer: self.issuer.as_ref().to_owned(),
            subject: self.subject.as_ref().to_owned(),
            secret: self.secret.clone(),
            created_at: self.created_at,
            auth_time: rare.auth_time,
            ends_at: self.ends_at,
            scope: self.scope.clone(),
            client_id: rare.client_id.clone(),
            claims: rare.claims.clone(),
            metadata: rare.metadata(),
            idle_lifetime: rare.idle_lifetime,
            extra: rare.extra.clone(),
        };
        let state = lock(&self.state).clone();
        Record { session, state }
    }

    /// When the session was ended, if it was.
    pub(super) fn ended(&self) -> Option<Ended> {
        lock(&self.state).ended
    }

    /// Takes over the next state, which does not end the session, if the version is the expected
    /// one and the session is not ended.
    pub(super) fn swap(&self, expected: u64, next: &SessionState) -> bool {
        let mut state = lock(&self.state);
        let fits = may_swap(&state, expected);
        if fits {
            *state = next.clone();
        }
        fits
    }

    /// The same session, ended by this swap, if the version is the expected one and the session is
    /// not ended.
    pub(super) fn ended_by(&self, expected: u64, next: &SessionState) -> Option<Self> {
        let mut record = self.record();
        if !may_change(&record.state) || record.state.version != expected {
            return None;
        }
        record.replace_state(next.clone());
        Some(Self::new(&record, Arc::clone(&self.issuer)))
    }

    pub(super) fn confirm(&self, generation: u32, now: Timestamp) -> bool {
        let mut state = lock(&self.state);
        let fits =
            may_change(&state) && state.generation == generation && state.confirmed_at.is_none();
        if fits {
            state.confirmed_at = Some(now);
            state.version = state.version.saturating_add(1);
        }
        fits
    }

    /// The same session, ended, unless it is ended already.
    pub(super) fn ended_at(&self, ended: Ended) -> Option<Self> {
        let mut record = self.record();
        if !may_change(&record.state) {
            return None;
        }
        record.end(ended);
        Some(Self::new(&record, Arc::clone(&self.issuer)))
    }
}

impl Rare {
    /// The default values: the user authenticated when the session began, and all else is empty.
    fn none(created_at: Timestamp) -> Self {
        Self {
            auth_time: created_at,
            client_id: None,
            claims: PrivateClaims::default(),
            metadata: Box::default(),
            idle_lifetime: None,
            extra: Extra::default(),
        }
    }

    fn metadata(&self) -> Metadata {
        let members = self.metadata.iter();
        members
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }
}

/// A session that is ended cannot change any more.
fn may_change(state: &SessionState) -> bool {
    state.ended.is_none()
}

/// No version follows the highest one.
fn may_swap(state: &SessionState, expected: u64) -> bool {
    may_change(state) && state.version == expected && expected < u64::MAX
}
