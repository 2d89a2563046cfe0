use std::{collections::BTreeMap, fmt, time::Duration};

use super::{Extra, SessionSecret};
use crate::{
    claims::{PrivateClaims, Scope, SessionId},
    clock::Timestamp,
};

/// What the application notes on a session: device label, user agent, address.
pub type Metadata = BTreeMap<String, String>;

/// What a login wrote of a session. Nothing ever changes it.
///
/// A later version of this crate may add a field, which is a breaking change on purpose: see
/// [`Record`](super::Record).
#[derive(Clone, PartialEq)]
pub struct Session {
    /// The `sid` claim. Always fresh at login, never taken from a request.
    pub id: SessionId,
    /// Who issued the session's tokens; several issuers may share a store.
    pub issuer: String,
    /// The user whose session it is: the `sub` claim.
    pub subject: String,
    /// What the `jti` of each refresh token is derived from.
    pub secret: SessionSecret,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the user last proved who they are (RFC 9068 §2.2.1).
    pub auth_time: Timestamp,
    /// When the session ends, whatever happens.
    pub ends_at: Timestamp,
    /// What was granted.
    pub scope: Scope,
    /// The client that the session is bound to, if any.
    pub client_id: Option<String>,
    /// The application's own claims, used until its refresh hook gives others.
    pub claims: PrivateClaims,
    /// The application's own notes.
    pub metadata: Metadata,
    /// How long a refresh token of this session lives unused, in whole milliseconds. Nothing
    /// stands for the lifetime that is [configured](crate::session::RotationPolicy) when the
    /// token is rotated.
    pub idle_lifetime: Option<Duration>,
    /// What a newer version of this crate notes at login and this one does not know.
    pub extra: Extra,
}

impl Session {
    /// A session that is bound to no client and may do nothing. All times are `created_at`; set
    /// the other fields afterwards.
    pub fn new(
        id: SessionId,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        secret: SessionSecret,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            issuer: issuer.into(),
            subject: subject.into(),
            secret,
            created_at,
            auth_time: created_at,
            ends_at: created_at,
            scope: Scope::empty(),
            client_id: None,
            claims: PrivateClaims::default(),
            metadata: Metadata::new(),
            idle_lifetime: None,
            extra: Extra::default(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}
