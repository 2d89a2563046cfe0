use std::{fmt, future::Future, sync::Arc, time::Duration};

use super::{
    ConfirmBy, ExcessScope, IntoRefreshDecision, Overflow, RefreshKey, RotationPolicy,
    SessionEvent, SessionInfo, Sessions, Takeover,
    confirm::Confirmations,
    ended::EndedSessions,
    event::Events,
    feed::Standing,
    hook::RefreshHook,
    keys::{self, KeyTimes},
    lifetimes::Lifetimes,
    limits::MAX_ISSUER,
    meter::Meter,
    outdated::OutdatedTokens,
    timed::Timed,
};
use crate::{
    context::RequestContext,
    error::{ConfigError, ConfigErrorKind},
    issuer::Issuer,
    profile::TokenProfile,
    store::{AnyStore, SessionStore},
    verifier::Verifier,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What all clones of a `Sessions` share.
pub(super) struct Inner<St> {
    pub(super) issuer: Issuer,
    pub(super) verifier: Verifier,
    pub(super) refresh_key: RefreshKey,
    pub(super) store: Timed<St>,
    pub(super) policy: RotationPolicy,
    pub(super) access_lifetime: Duration,
    pub(super) session_lifetime: Duration,
    pub(super) confirm_by: ConfirmBy,
    pub(super) excess_scope: ExcessScope,
    pub(super) max_sessions: Option<(usize, Overflow)>,
    pub(super) hook: Option<RefreshHook>,
    pub(super) remembers_context: bool,
    pub(super) takeover: Option<Takeover>,
    pub(super) hook_timeout: Duration,
    pub(super) store_timeout: Duration,
    pub(super) events: Events,
    pub(super) ended: EndedSessions,
    pub(super) outdated: OutdatedTokens,
    pub(super) standing: Arc<Standing>,
    pub(super) confirmations: Confirmations,
    pub(super) meter: Meter,
}

impl<St> Inner<St> {
    pub(super) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: self.access_lifetime,
            idle: self.policy.idle_lifetime,
            session: self.session_lifetime,
            keys: KeyTimes::of(&self.issuer, &self.refresh_key),
        }
    }
}

/// Configures [`Sessions`]. Every setting has a default; the issuer, the refresh key and the
/// store have to be given.
#[must_use]
pub struct SessionsBuilder<St = AnyStore> {
    issuer: Issuer,
    refresh_key: RefreshKey,
    store: St,
    policy: RotationPolicy,
    access_lifetime: Duration,
    session_lifetime: Duration,
    confirm_by: ConfirmBy,
    excess_scope: ExcessScope,
    max_sessions: Option<(usize, Overflow)>,
    hook: Option<RefreshHook>,
    remembers_context: bool,
    takeover: Option<Takeover>,
    hook_timeout: Duration,
    store_timeout: Duration,
    events: Events,
}

impl<St> SessionsBuilder<St> {
    /// Like [`Sessions::builder`], but keeps the store's type: [`Sessions::store`] then gives the
    /// store with all its own methods.
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
            excess_scope: ExcessScope::default(),
            max_sessions: None,
            hook: None,
            remembers_context: false,
            takeover: None,
            hook_timeout: Duration::from_secs(2),
            store_timeout: Duration::from_secs(5),
            events: Events::default(),
        }
    }

    /// How long an access token is valid: 10 minutes by default, and at least 1 second. Times in
    /// tokens are whole seconds, so a token lives up to a second less, and never longer.
    ///
    /// A stolen access token works for this long on servers that do not learn that its session
    /// was ended.
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime;
        self
    }

    /// How long an unused refresh token lives, unless the
    /// [login](super::Grant::idle_lifetime) sets another time: 30 days by default.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.policy.idle_lifetime = lifetime;
        self
    }

    /// How long after its login a session expires, however often it is refreshed, unless the
    /// [login](super::Grant::session_lifetime) sets another time: 180 days by default.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = lifetime;
        self
    }

    /// How long the previous refresh token is still answered with the live one: 10 seconds by
    /// default, at most 5 minutes.
    ///
    /// The window serves a second tab, and a quick retry of a client that got no answer. It opens
    /// when the live token is delivered. It opens once more when the live token is first used, so
    /// that a tab that was overtaken is still served.
    ///
    /// A thief who presents stolen tokens only within this window is not noticed.
    ///
    /// Zero closes the window, but is not strict rotation: the previous token is still redelivered
    /// late, as long as nothing has shown that the client holds the live one and the
    /// [budget](Self::late_budget) allows it. [`strict_rotation`](Self::strict_rotation) redelivers
    /// nothing.
    pub fn reuse_window(mut self, window: Duration) -> Self {
        self.policy.reuse_window = window;
        self
    }

    /// How many of the last `span` generations may need a late redelivery: by default 3 of 20.
    ///
    /// `span` is 1 to 32, and `budget` is below it. A budget of 0 turns late redelivery off.
    pub fn late_budget(mut self, budget: u32, span: u32) -> Self {
        self.policy.late_budget = budget;
        self.policy.late_span = span;
        self
    }

    /// Ends the session as soon as any refresh token that was rotated comes again, also the previous
    /// one and also at once: RFC 9700 §4.14.2, read to the letter. Nothing is redelivered, and a live token
    /// is rotated whenever it comes, so the [reuse window](Self::reuse_window) and the
    /// [late budget](Self::late_budget) do not count.
    ///
    /// This has a price. A refresh whose answer is lost logs the user out, as does a second tab
    /// or a retry that presents the same token. In a
    /// [simulation](crate::manual::protocol#where-the-numbers-come-from) this logged every user out
    /// within 30 days. Use it where that is asked for, for clients that refresh once at a
    /// time over a network that loses nothing, such as services in one data centre.
    pub fn strict_rotation(mut self) -> Self {
        self.policy.strict = true;
        self
    }

    /// For how long the refresh token of a [bound](super::Grant::bound_to) session is given out again
    /// instead of being rotated: zero by default, and at most half of the idle lifetime. The first
    /// refresh after a login always rotates.
    ///
    /// A refresh that does not rotate writes nothing, but for one confirmation. A refresh token that is
    /// bound to a key need not be rotated at all (RFC 9700 §4.14.2), but its lifetime only grows when it
    /// is. Sessions that are not bound rotate at each refresh, whatever this says.
    ///
    /// If a login has a shorter [idle lifetime](super::Grant::idle_lifetime) of its own, its tokens are
    /// given out again for at most half of that.
    pub fn rotate_bound_after(mut self, age: Duration) -> Self {
        self.policy.rotate_bound_after = age;
        self
    }

    /// What happens if a refresh asks for scope that was not granted. By default it is refused
    /// ([`ExcessScope::Refuse`]).
    pub fn excess_scope(mut self, excess: ExcessScope) -> Self {
        self.excess_scope = excess;
        self
    }

    /// What proves that a client holds its newest refresh token. By default it is the use of the
    /// access token that came with it ([`ConfirmBy::AccessToken`]).
    pub fn confirm_by(mut self, confirm_by: ConfirmBy) -> Self {
        self.confirm_by = confirm_by;
        self
    }

    /// How many live sessions a subject may have, 1 to 1000, and what happens at a login beyond
    /// that. By default there is no limit.
    pub fn max_sessions(mut self, sessions: usize, overflow: Overflow) -> Self {
        self.max_sessions = Some((sessions, overflow));
        self
    }

    /// Asks the application at each refresh, which may refuse it or replace the private claims. It is given the
    /// session, and the [context](RequestContext) of the request: who asks, from where, and what the application
    /// has put into the request's extensions. Of a refresh outside of HTTP it is what
    /// [`RefreshRequest::context`](super::RefreshRequest::context) says.
    ///
    /// `false` refuses and ends the session. To refuse without ending it, return
    /// [`RefreshDecision::Refuse`](super::RefreshDecision::Refuse).
    ///
    /// The hook is asked about an identifier. If a user is deleted and the identifier, such as a
    /// name or a mail address, is given to somebody else, it would be asked about the new owner, so
    /// call [`end_all`](Sessions::end_all) when you delete a user.
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
    /// let builder = builder.on_refresh(move |session, _context| {
    ///     let users = Arc::clone(&users);
    ///     async move { users.still_active(&session.subject).await }
    /// });
    /// # }
    /// ```
    ///
    /// The hook runs after the token was accepted and before anything is written. It returns a future
    /// of a [`RefreshDecision`](super::RefreshDecision), of
    /// [`PrivateClaims`](super::PrivateClaims), of a `bool`, or of a `Result` of one of these. If it
    /// returns an error or exceeds the [timeout](Self::hook_timeout), the client gets a 503 and
    /// nothing is written.
    pub fn on_refresh<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(SessionInfo, RequestContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoRefreshDecision> + Send + 'static,
    {
        self.hook = Some(RefreshHook::new(hook));
        self
    }

    /// Keeps the address and the user agent of the request that a session was [last used by](SessionInfo::last_seen):
    /// of a login that has a [context](super::Grant::context), and of each refresh that writes. By default neither is kept, as
    /// an address is [personal data](crate::manual::context#what-is-kept). Without this call the next refresh that writes removes what was kept.
    pub fn remember_context(mut self) -> Self {
        self.remembers_context = true;
        self
    }

    /// Takes over the users of another program: its refresh tokens are accepted until a date, and each becomes
    /// a session here. By default they are refused.
    pub fn take_over(mut self, takeover: Takeover) -> Self {
        self.takeover = Some(takeover);
        self
    }

    /// How long the refresh hook may take, and each call to the store of another program whose users are
    /// [taken over](Self::take_over): 2 seconds by default.
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.hook_timeout = timeout;
        self
    }

    /// How long the answer to a store operation is waited for: 5 seconds by default.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Calls `hook` with each event of a session in this process, before the request is answered and in its
    /// span. The hook must not block. [`Sessions::events`] gives the same events as a stream, which holds up
    /// nobody. A hook that panics is logged as an error, and the request is answered as if it had not.
    pub fn on_event(mut self, hook: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        self.events = Events::new(hook);
        self
    }

    /// Refuses a reused refresh token without ending its session.
    ///
    /// This is dangerous: a thief who refreshes before the victim does keeps the session.
    pub fn danger_refuse_without_ending(mut self) -> Self {
        self.policy.end_on_reuse = false;
        self
    }
}

impl<St: SessionStore> SessionsBuilder<St> {
    /// Checks the configuration and builds the sessions.
    ///
    /// # Errors
    ///
    /// - The access lifetime is below 1 second, another lifetime or a timeout is zero, or the
    ///   session lifetime is above a thousand years.
    /// - The access lifetime is above the idle lifetime, or the idle lifetime is above the session
    ///   lifetime.
    /// - The reuse window, the late budget, its span, the age at which bound sessions are rotated or
    ///   the maximum of sessions is out of range.
    /// - The keys are those of a [`KeyRing`](crate::ring::KeyRing) that keeps them for a shorter time than tokens live.
    /// - The issuer is above 512 bytes.
    /// - The refresh key is also a key of the access tokens, or is with a [signer](crate::jws::Signer).
    /// - The signer of the access tokens may take longer than a quarter of the reuse window, or no time.
    pub fn build(self) -> Result<Sessions<St>, ConfigError> {
        self.check_lifetimes()?;
        self.check_limits()?;
        keys::check(self.issuer.keys(), &self.refresh_key, &self.policy)?;
        let access_keys = self.issuer.keys().verifying();
        let verifier = Verifier::new(self.issuer.issuer(), self.issuer.audience(), access_keys)?;
        // A token comes here only once, when it is ended, so a cache would be of no use.
        let verifier = verifier
            .without_cache()
            .profile(TokenProfile::rfc9068().for_any_audience())?;
        let meter = Meter::new(self.issuer.keys());
        Ok(Sessions(Arc::new(Inner {
            issuer: self.issuer,
            verifier,
            refresh_key: self.refresh_key,
            store: Timed::new(self.store, self.store_timeout),
            policy: self.policy,
            access_lifetime: self.access_lifetime,
            session_lifetime: self.session_lifetime,
            confirm_by: self.confirm_by,
            excess_scope: self.excess_scope,
            max_sessions: self.max_sessions,
            hook: self.hook,
            remembers_context: self.remembers_context,
            takeover: self.takeover,
            hook_timeout: self.hook_timeout,
            store_timeout: self.store_timeout,
            events: self.events,
            ended: EndedSessions::new(self.access_lifetime),
            outdated: OutdatedTokens::new(self.access_lifetime),
            standing: Arc::default(),
            confirmations: Confirmations::default(),
            meter,
        })))
    }

    fn check_lifetimes(&self) -> Result<(), ConfigError> {
        let lifetimes = Lifetimes {
            access: self.access_lifetime,
            idle: self.policy.idle_lifetime,
            session: self.session_lifetime,
            keys: KeyTimes::of(&self.issuer, &self.refresh_key),
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
        } else if self.policy.rotate_bound_after > self.policy.idle_lifetime / 2 {
            "rotate_bound_after must not be above half of the idle lifetime"
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
