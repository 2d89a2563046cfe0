use std::time::Duration;

use serde::Serialize;

use super::{Metadata, PrivateClaims, lifetimes::Lifetimes};
use crate::{
    claims::Scope,
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
};

const MAX_METADATA: usize = 64 * 1024;

/// What a login grants: to whom, which scope and for how long.
///
/// No method fails. [`Sessions::start`](super::Sessions::start) reports what is wrong with the
/// grant.
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
    idle_lifetime: Option<Duration>,
    session_lifetime: Option<Duration>,
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
            idle_lifetime: None,
            session_lifetime: None,
            fault: None,
        }
    }

    /// Adds this scope to the granted one (RFC 6749 §3.3).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = self.scope.union(&scope);
        self
    }

    /// Binds the session to this OAuth client. Without it the session is bound to no client.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// When the user authenticated, if not right now: the `auth_time` claim (RFC 9068 §2.2.1).
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

    /// Adds a note that is shown when sessions are listed, such as a device label, a user agent or
    /// an address. The names and values of all notes are at most 64 KiB together.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// How long an unused refresh token of this session lives, rounded down to whole
    /// milliseconds. Use it for "stay signed in", or for a device that is trusted less. Without it
    /// the [configured](super::SessionsBuilder::idle_lifetime) lifetime applies.
    ///
    /// It must be at least the access lifetime and at most the session's own lifetime.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_bearer::session::Grant;
    ///
    /// const HOUR: Duration = Duration::from_secs(60 * 60);
    /// let on_a_borrowed_device = Grant::new("user-42").idle_lifetime(HOUR).session_lifetime(8 * HOUR);
    /// ```
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.idle_lifetime = Some(lifetime);
        self
    }

    /// How long after the login this session expires, however often it is refreshed. Without it
    /// the [configured](super::SessionsBuilder::session_lifetime) lifetime applies.
    ///
    /// It must be at least the access lifetime and at most a thousand years. If it is below the
    /// configured idle lifetime, refresh tokens live as long as the session.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = Some(lifetime);
        self
    }

    /// The session's own idle lifetime, if it has one, and its session lifetime.
    pub(super) fn lifetimes(
        &self,
        configured: Lifetimes,
    ) -> Result<(Option<Duration>, Duration), ConfigError> {
        let own = configured.of_a_session(self.idle_lifetime, self.session_lifetime);
        own.check()?;
        Ok((self.idle_lifetime.map(|_| own.idle), own.session))
    }

    pub(super) fn validated(mut self) -> Result<Self, ConfigError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.subject.is_empty() {
            return Err(ConfigError::new(
                ConfigErrorKind::EmptySubject,
                "the subject is empty: give the identifier of the user who logged in",
            ));
        }
        if self.client_id.as_deref() == Some("") {
            return Err(ConfigError::new(
                ConfigErrorKind::EmptyClientId,
                "the client identifier is empty",
            ));
        }
        let noted = self
            .metadata
            .iter()
            .map(|(name, value)| name.len() + value.len());
        if noted.sum::<usize>() > MAX_METADATA {
            return Err(ConfigError::new(
                ConfigErrorKind::Limit,
                "metadata must not be above 64 KiB",
            ));
        }
        Ok(self)
    }
}
