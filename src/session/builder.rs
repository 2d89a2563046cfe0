use std::{fmt, future::Future, sync::Arc, time::Duration};

use super::{
    ConfirmBy, IntoRefreshDecision, Overflow, RefreshKey, RotationPolicy, SessionEvent,
    SessionInfo, Sessions, confirm::Confirmations, ended::EndedSessions, event::Events,
    hook::RefreshHook, lifetimes::Lifetimes,
};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    issuer::Issuer,
    store::{AnyStore, SessionStore},
    verifier::Verifier,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// So that a refresh token fits well into a cookie.
const MAX_ISSUER: usize = 512;

/// What `Sessions` holds, shared by its clones.
pub(super) struct Inner<St> {
    pub(super) issuer: Issuer,
    pub(super) verifier: Verifier,
    pub(super) refresh_key: RefreshKey,
    pub(super) store: St,
    pub(super) policy: RotationPolicy,
    pub(super) access_lifetime: Duration,
    pub(super) session_lifetime: Duration,
    pub(super) confirm_by: ConfirmBy,
    pub(super) max_sessions: Option<(usize, Overflow)>,
    pub(super) hook: Option<RefreshHook>,
    pub(super) hook_timeout: Duration,
    pub(super) store_timeout: Duration,
    pub(super) events: Events,
    pub(super) ended: EndedSessions,
    pub(super) confirmations: Confirmations,
}

impl<St> Inner<St> {
    pub(super) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: self.access_lifetime,
            idle: self.policy.idle_lifetime,
            session: self.session_lifetime,
        }
    }
}

/// Configures [`Sessions`]; everything has a default but what
/// [`Sessions::builder`] asks for.
#[must_use]
pub struct SessionsBuilder<St = AnyStore> {
    issuer: Issuer,
    refresh_key: RefreshKey,
    store: St,
    policy: RotationPolicy,
    access_lifetime: Duration,
    session_lifetime: Duration,
    confirm_by: ConfirmBy,
    max_sessions: Option<(usize, Overflow)>,
    hook: Option<RefreshHook>,
    hook_timeout: Duration,
    store_timeout: Duration,
    events: Events,
}

impl<St> SessionsBuilder<St> {
    /// As [`Sessions::builder`], for sessions whose type names the store:
    /// [`Sessions::store`] then gives it back.
    ///
    /// ```
    /// # use tower_bearer::{Issuer, error::ConfigError, session::{RefreshKey, Sessions, SessionsBuilder}};
    /// use tower_bearer::store::MemoryStore;
    ///
    /// # fn build(issuer: Issuer, key: RefreshKey) -> Result<(), ConfigError> {
    /// let sessions: Sessions<MemoryStore> =
    ///     SessionsBuilder::new(issuer, key, MemoryStore::new()).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(issuer: Issuer, refresh_key: RefreshKey, store: St) -> Self {
        Self {
            issuer,
            refresh_key,
            store,
            policy: RotationPolicy::default(),
            access_lifetime: 10 * MINUTE,
            session_lifetime: 180 * DAY,
            confirm_by: ConfirmBy::default(),
            max_sessions: None,
            hook: None,
            hook_timeout: Duration::from_secs(2),
            store_timeout: Duration::from_secs(5),
            events: Events::default(),
        }
    }

    /// How long an access token lives. Default 10 minutes, at least a second.
    ///
    /// This is how long a stolen access token works where the session's end cannot be seen.
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime;
        self
    }

    /// How long a refresh token lives unused, where its session's
    /// [login](super::Grant::idle_lifetime) has not said so. Default 30 days.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.policy.idle_lifetime = lifetime;
        self
    }

    /// How long a session lives from login on, whatever happens, where its
    /// [login](super::Grant::session_lifetime) has not said so. Default 180 days.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = lifetime;
        self
    }

    /// For how long the predecessor of the live refresh token is answered as a neighbour:
    /// another tab, a quick retry. Default 10 s, at most 5 minutes, zero turns it off. For as
    /// long after its successor was first used it is answered too, as a late redelivery.
    ///
    /// A thief who presents within it each time is not seen.
    pub fn reuse_window(mut self, window: Duration) -> Self {
        self.policy.reuse_window = window;
        self
    }

    /// How many generations in `span` may need a late redelivery. Default 3 in 20; the span
    /// is at most 32, a budget of zero turns late redelivery off.
    pub fn late_budget(mut self, budget: u32, span: u32) -> Self {
        self.policy.late_budget = budget;
        self.policy.late_span = span;
        self
    }

    /// What shows that a client holds its newest refresh token. Default: its access token.
    pub fn confirm_by(mut self, confirm_by: ConfirmBy) -> Self {
        self.confirm_by = confirm_by;
        self
    }

    /// How many live sessions a subject may have, and what happens to a login beyond that.
    /// Default: any number. At most 1000.
    pub fn max_sessions(mut self, sessions: usize, overflow: Overflow) -> Self {
        self.max_sessions = Some((sessions, overflow));
        self
    }

    /// Asks the application at each refresh, to reload its claims or to refuse.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use tower_bearer::{session::SessionsBuilder};
    /// # struct Users;
    /// # impl Users {
    /// #     async fn still_active(&self, user: &str) -> Result<bool, std::io::Error> {
    /// #         Ok(true)
    /// #     }
    /// # }
    /// # fn configure(builder: SessionsBuilder, users: Arc<Users>) {
    /// let builder = builder.on_refresh(move |session| {
    ///     let users = Arc::clone(&users);
    ///     async move { users.still_active(&session.subject).await }
    /// });
    /// # }
    /// ```
    ///
    /// The hook runs after the token was accepted and before anything is written. It may
    /// return a [`RefreshDecision`](super::RefreshDecision), a `bool`, or a `Result` of one;
    /// an error or the [timeout](Self::hook_timeout) is a 503 with nothing written.
    pub fn on_refresh<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(SessionInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoRefreshDecision> + Send + 'static,
    {
        self.hook = Some(RefreshHook::new(hook));
        self
    }

    /// How long the refresh hook may take. Default 2 s.
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.hook_timeout = timeout;
        self
    }

    /// How long one store operation may take. Default 5 s.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Tells the application what happens to its sessions. The hook must not block.
    pub fn on_event(mut self, hook: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        self.events = Events::new(hook);
        self
    }

    /// Refuses a reused refresh token without ending its session.
    ///
    /// This leaves a thief who refreshed before the victim in possession of the session.
    pub fn danger_refuse_without_revoking(mut self) -> Self {
        self.policy.revoke_on_reuse = false;
        self
    }
}

impl<St: SessionStore> SessionsBuilder<St> {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// On a lifetime or timeout that is zero or beyond a thousand years, an access lifetime
    /// above the idle lifetime or an idle lifetime above the session's, a window, budget or
    /// maximum out of its range, an issuer above 512 bytes, or a refresh key that access tokens
    /// are signed with too.
    pub fn build(self) -> Result<Sessions<St>, ConfigError> {
        self.check_lifetimes()?;
        self.check_limits()?;
        let access_keys = self.issuer.keys().verifying();
        if access_keys.shares_key_with(&self.refresh_key.verifying()) {
            return Err(ConfigError::new(
                ConfigErrorKind::SharedKey,
                "the refresh key must not be one of the access token keys",
            ));
        }
        let verifier = Verifier::new(self.issuer.issuer(), self.issuer.audience(), access_keys)?;
        // It only sees tokens that are to be revoked.
        let verifier = verifier.without_cache();
        Ok(Sessions(Arc::new(Inner {
            issuer: self.issuer,
            verifier,
            refresh_key: self.refresh_key,
            store: self.store,
            policy: self.policy,
            access_lifetime: self.access_lifetime,
            session_lifetime: self.session_lifetime,
            confirm_by: self.confirm_by,
            max_sessions: self.max_sessions,
            hook: self.hook,
            hook_timeout: self.hook_timeout,
            store_timeout: self.store_timeout,
            events: self.events,
            ended: EndedSessions::new(self.access_lifetime),
            confirmations: Confirmations::default(),
        })))
    }

    fn check_lifetimes(&self) -> Result<(), ConfigError> {
        let lifetimes = Lifetimes {
            access: self.access_lifetime,
            idle: self.policy.idle_lifetime,
            session: self.session_lifetime,
        };
        lifetimes.check()?;
        if self.hook_timeout.is_zero() || self.store_timeout.is_zero() {
            return Err(ConfigError::new(
                ConfigErrorKind::Lifetime,
                "a timeout must not be zero",
            ));
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let wrong = if self.issuer.issuer().len() > MAX_ISSUER {
            "the issuer, which is in each refresh token, must not be above 512 bytes"
        } else if self.policy.reuse_window > 5 * MINUTE {
            "the reuse window must not be above 5 minutes"
        } else if !(1..=32).contains(&self.policy.late_span) {
            "the span of late redeliveries must be 1 to 32 generations"
        } else if self.policy.late_budget >= self.policy.late_span {
            "the budget of late redeliveries must be below its span"
        } else if self
            .max_sessions
            .is_some_and(|(max, _)| !(1..=1000).contains(&max))
        {
            "the maximum of sessions must be 1 to 1000"
        } else {
            return Ok(());
        };
        Err(ConfigError::new(ConfigErrorKind::Limit, wrong))
    }
}

impl<St> fmt::Debug for SessionsBuilder<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
