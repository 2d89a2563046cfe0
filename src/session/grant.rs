//! What goes into a session operation, and what comes out.

use serde::Serialize;

use super::{Metadata, PrivateClaims, Session};
use crate::{
    claims::{Scope, SessionId},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    token::{RefreshToken, TokenResponse},
};

const MAX_METADATA: usize = 64 * 1024;

/// What a login grants.
///
/// Mistakes in it are kept and reported by [`Sessions::start`](super::Sessions::start).
///
/// ```
/// use tower_bearer::{Scope, session::Grant};
///
/// const GRANTED: Scope = Scope::from_static("profile mail");
///
/// let grant = Grant::new("user-42").scope(GRANTED).metadata("device", "Anna's phone");
/// ```
#[derive(Debug)]
#[must_use]
pub struct Grant {
    pub(super) subject: String,
    pub(super) scope: Scope,
    pub(super) client_id: Option<String>,
    pub(super) auth_time: Option<Timestamp>,
    pub(super) claims: PrivateClaims,
    pub(super) metadata: Metadata,
    fault: Option<ConfigError>,
}

impl Grant {
    /// A grant to `subject`, the user's identifier: the `sub` claim.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scope: Scope::empty(),
            client_id: None,
            auth_time: None,
            claims: PrivateClaims::default(),
            metadata: Metadata::new(),
            fault: None,
        }
    }

    /// Grants these scope tokens too (RFC 6749 §3.3).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = self.scope.union(&scope);
        self
    }

    /// Binds the session to an OAuth client. Without it the session is bound to none.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// When the user proved who they are, if not right now (RFC 9068 §2.2.1).
    pub fn auth_time(mut self, at: Timestamp) -> Self {
        self.auth_time = Some(at);
        self
    }

    /// The application's own claims. They go into each access token of the session until the
    /// [refresh hook](super::SessionsBuilder::on_refresh) gives others.
    pub fn claims(mut self, claims: &impl Serialize) -> Self {
        match PrivateClaims::new(claims) {
            Ok(claims) => self.claims = claims,
            Err(error) => _ = self.fault.get_or_insert(error),
        }
        self
    }

    /// A note on the session for listings: device label, user agent, address. At most 64 KiB
    /// in all.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    pub(super) fn validated(mut self) -> Result<Self, ConfigError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.subject.is_empty() {
            let empty = "the subject is empty: give the identifier of the user who logged in";
            return Err(ConfigError::new(ConfigErrorKind::EmptySubject, empty));
        }
        if self.client_id.as_deref() == Some("") {
            let empty = "the client identifier is empty";
            return Err(ConfigError::new(ConfigErrorKind::EmptyClientId, empty));
        }
        let noted = self
            .metadata
            .iter()
            .map(|(name, value)| name.len() + value.len());
        if noted.sum::<usize>() > MAX_METADATA {
            let large = "metadata must not be above 64 KiB";
            return Err(ConfigError::new(ConfigErrorKind::Limit, large));
        }
        Ok(self)
    }
}

/// A refresh token and what its presenter asks for (RFC 6749 §6).
#[derive(Clone, Debug)]
#[must_use]
pub struct RefreshRequest {
    pub(super) token: RefreshToken,
    pub(super) scope: Option<Scope>,
    pub(super) client_id: Option<String>,
}

impl RefreshRequest {
    /// A request for tokens with the whole scope of the session.
    pub fn new(token: RefreshToken) -> Self {
        Self {
            token,
            scope: None,
            client_id: None,
        }
    }

    /// Narrows the scope of this answer's access token.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The client that presents the token, where it says so.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}

/// What a refresh gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refreshed {
    /// The tokens for the client.
    pub tokens: TokenResponse,
    /// How they came about.
    pub outcome: RefreshOutcome,
    /// The session that they are of.
    pub session: SessionInfo,
}

/// How the tokens of a refresh came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshOutcome {
    /// The session has a new refresh token.
    Rotated,
    /// The client holds the live refresh token already. A cookie must not be set again: an
    /// older answer must not overwrite a newer one.
    Current,
    /// The client gets the live refresh token that it may not have received.
    Redelivered,
    /// The store had lost writes and has caught up with the client's token.
    Restored,
}

/// What may be told of a session. Nothing in it helps a thief to choose a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's identifier, the `sid` claim.
    #[serde(rename = "sid")]
    pub id: SessionId,
    /// Whose session it is.
    pub subject: String,
    /// The client that it is bound to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What was granted at login.
    pub scope: Scope,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When it was last refreshed, rounded down to the hour: it can seem to be before
    /// `created_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refreshed_at: Option<Timestamp>,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// When it ends, whatever happens.
    pub ends_at: Timestamp,
    /// The application's own claims, as they were granted at login; for the refresh hook. They
    /// are not listed.
    #[serde(skip)]
    pub claims: PrivateClaims,
    /// The application's own notes.
    pub metadata: Metadata,
}

impl From<&Session> for SessionInfo {
    fn from(session: &Session) -> Self {
        session.clone().into()
    }
}

impl From<Session> for SessionInfo {
    fn from(session: Session) -> Self {
        const HOUR: i64 = 60 * 60;
        let to_the_hour = |at: Timestamp| {
            Timestamp::from_secs(at.as_secs().div_euclid(HOUR).saturating_mul(HOUR))
        };
        Self {
            id: session.id,
            subject: session.subject,
            client_id: session.client_id,
            scope: session.scope,
            created_at: session.created_at,
            last_refreshed_at: session.last_refreshed_at.map(to_the_hour),
            auth_time: session.auth_time,
            ends_at: session.ends_at,
            claims: session.claims,
            metadata: session.metadata,
        }
    }
}
