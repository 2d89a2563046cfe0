use std::{collections::BTreeMap, fmt, time::Duration};

use super::{Extra, SessionSecret};
use crate::{
    claims::{PrivateClaims, Scope, SessionId},
    clock::Timestamp,
};

/// The application's notes on a session by name, such as a device label, a user agent or an
/// address.
pub type Metadata = BTreeMap<String, String>;

/// The part of a session that the login wrote. It changes only as the session
/// [ends](super::Record::end).
///
/// A later version of this crate may add a field. That is a breaking change on purpose; see
/// [`Record`](super::Record).
#[derive(Clone, PartialEq)]
pub struct Session {
    /// The session's identifier: the `sid` claim. It is made anew at each login and never taken
    /// from a request.
    pub id: SessionId,
    /// The issuer that started the session: the `iss` claim. Several issuers may share a store.
    pub issuer: String,
    /// The user whose session it is: the `sub` claim.
    pub subject: String,
    /// The secret from which the `jti` of each refresh token is derived.
    pub secret: SessionSecret,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the user last authenticated: the `auth_time` claim (RFC 9068 §2.2.1).
    pub auth_time: Timestamp,
    /// When the session expires, however often it is refreshed. Once the session is ended: when a
    /// store may delete it ([`Record::end`](super::Record::end)).
    pub ends_at: Timestamp,
    /// The scope that was granted at login.
    pub scope: Scope,
    /// The OAuth client that the session is bound to, if any.
    pub client_id: Option<String>,
    /// The application's own claims for access tokens. A refresh hook may replace them at each
    /// refresh. Empty once the session is ended.
    pub claims: PrivateClaims,
    /// The application's own notes. Empty once the session is ended.
    pub metadata: Metadata,
    /// How long an unused refresh token of this session lives, in whole milliseconds. `None`
    /// stands for the [configured](crate::session::RotationPolicy::idle_lifetime) lifetime.
    pub idle_lifetime: Option<Duration>,
    /// Members that were added after the first version of the contract.
    pub extra: Extra,
}

impl Session {
    /// A session without a client, and with an empty scope. All its times are `created_at`. Set
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
