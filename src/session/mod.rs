//! Sessions: one row each, one pure decision, one compare-and-swap a refresh.
//!
//! [`Sessions`] starts, refreshes, lists and ends sessions; it knows nothing of HTTP. What a
//! refresh token gets is decided by [`decide`], a pure function; the
//! [manual](crate::manual::protocol) has its table and the reasons.
//!
//! ```
//! use tower_bearer::{Algorithm, Issuer, KeySet, Scope, SigningKey};
//! use tower_bearer::session::{Grant, RefreshKey, RefreshRequest, Sessions};
//! use tower_bearer::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = [7_u8; 32];
//! let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
//! let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
//! let sessions =
//!     Sessions::builder(issuer, RefreshKey::from_secret(secret)?, MemoryStore::new()).build()?;
//!
//! let grant = Grant::new("anna").scope(Scope::from_static("profile"));
//! let login = sessions.start(grant).await?;
//! let refreshed = sessions.refresh(RefreshRequest::new(login.refresh_token)).await?;
//! assert_eq!(refreshed.session.subject, "anna");
//! # Ok(())
//! # }
//! ```

mod builder;
mod clean_up;
mod confirm;
mod decide;
mod end;
mod ended;
mod error;
mod event;
mod grant;
mod hook;
mod policy;
mod refresh;
mod refresh_claims;
mod refresh_token;
mod start;
mod write;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

pub use builder::SessionsBuilder;
pub use clean_up::CleanUp;
pub use decide::{Presented, Reuse, Verdict, decide};
pub use error::{Refusal, SessionError, SessionErrorKind};
pub use event::{SessionEvent, SessionEventKind};
pub use grant::{Grant, RefreshOutcome, RefreshRequest, Refreshed, SessionInfo};
pub use hook::{IntoRefreshDecision, RefreshDecision};
pub use policy::{ConfirmBy, Overflow, Policy};
pub use refresh_token::RefreshKey;

pub use crate::store::{Metadata, PrivateClaims, RevokeReason, Revoked, Session, SessionSecret};

use confirm::Flushing;

use crate::{
    bearer::{Admission, SessionGuard, Unavailable},
    claims::{Claims, SessionId},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    issuer::Issuer,
    store::{SessionStore, StoreError, StoreErrorKind},
    token::TokenResponse,
    trace,
    verifier::DEFAULT_MAX_TOKEN_BYTES,
};

/// How many store timeouts a write may take that goes on without its caller.
const PATIENCE: u32 = 10;

/// The sessions of an issuer, kept in a store. Cheap to clone; clones share everything.
///
/// All methods are safe to cancel: a client that got no answer presents its token again and
/// is served; what ends a session goes on to its end, as long as the runtime lives. They need a
/// tokio runtime with time.
pub struct Sessions<St>(Arc<builder::Inner<St>>);

impl<St: SessionStore> Sessions<St> {
    /// Sessions with these keys in this store. The refresh key must not be among the access
    /// token keys.
    pub fn builder(issuer: Issuer, refresh_key: RefreshKey, store: St) -> SessionsBuilder<St> {
        SessionsBuilder::new(issuer, refresh_key, store)
    }

    /// Who issues the access tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// The numbers that the decision turns on.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// How long an access token lives.
    pub fn access_lifetime(&self) -> Duration {
        self.0.access_lifetime
    }

    /// How long a session lives from login on.
    pub fn session_lifetime(&self) -> Duration {
        self.0.session_lifetime
    }

    /// Where the sessions are kept.
    pub fn store(&self) -> &St {
        &self.0.store
    }

    /// Starts a task that deletes expired sessions now and `every` so often, in batches. It
    /// stops when the handle is dropped or [stopped](CleanUp::stop).
    ///
    /// # Errors
    ///
    /// Where `every` is zero, or there is no tokio runtime to run it.
    pub fn clean_up(&self, every: Duration) -> Result<CleanUp, ConfigError> {
        CleanUp::start(self.clone(), every)
    }

    /// Writes the confirmations that are still waiting. For graceful shutdowns; without it a
    /// client may need one of its late redeliveries.
    ///
    /// # Errors
    ///
    /// Where the store fails; they wait on.
    pub async fn flush(&self) -> Result<(), SessionError> {
        Ok(self
            .0
            .confirmations
            .flush(&self.0.store, self.0.store_timeout)
            .await?)
    }

    fn tell(&self, kind: SessionEventKind, session: &Session, token: Option<Presented>) {
        let distance = token.map_or(0, |token| {
            i64::from(session.generation) - i64::from(token.generation)
        });
        let subject = Some(session.subject.clone());
        self.0.events.tell(&SessionEvent {
            kind,
            session: session.id,
            subject,
            distance,
        });
    }

    /// A refresh token as long as any that these sessions mint with the key of today.
    #[cfg(feature = "cookie")]
    pub(crate) fn longest_refresh_token(&self) -> Result<crate::RefreshToken, ConfigError> {
        let far = Timestamp::from_secs(i64::MAX);
        let secret = SessionSecret::from_bytes([0; 32]);
        let id = SessionId::from_uuid(uuid::Uuid::max());
        let mut session = Session::new(id, self.0.issuer.issuer(), "", secret, far);
        session.generation = u32::MAX;
        session.expires_at = far;
        let unsigned = |error| {
            ConfigError::new(ConfigErrorKind::Cookie, "no token can be signed").with_source(error)
        };
        self.0.refresh_key.mint(&session).map_err(unsigned)
    }

    /// Both tokens of a session's live generation.
    fn mint(
        &self,
        session: &Session,
        now: Timestamp,
        scope: crate::Scope,
        private: &PrivateClaims,
    ) -> Result<TokenResponse, SessionError> {
        let inner = &self.0;
        // No more than half of what is left, so that there is time to refresh before the end.
        let left = session.expires_at.saturating_since(now);
        let lifetime = inner.access_lifetime.min(left / 2);
        let mut claims = inner.issuer.claims(&*session.subject, now, lifetime);
        claims.exp = claims.exp.min(session.expires_at.floor());
        claims.scope = scope.clone();
        claims.sid = Some(session.id.to_string());
        claims.generation = Some(session.generation);
        claims.auth_time = Some(session.auth_time);
        if session.client_id.is_some() {
            claims.client_id.clone_from(&session.client_id);
        }
        let claims = claims.with_private(private.members());
        let access_token = inner.issuer.sign_checked(&claims)?;
        if access_token.expose().len() > DEFAULT_MAX_TOKEN_BYTES {
            let long = "the access token must not be above 8 KiB";
            return Err(ConfigError::new(ConfigErrorKind::Limit, long).into());
        }
        Ok(TokenResponse {
            access_token,
            expires_in: lifetime,
            refresh_token: inner.refresh_key.mint(session)?,
            refresh_expires_in: left,
            scope,
        })
    }
}

impl<St: SessionStore> SessionGuard for Sessions<St> {
    fn admit(&self, claims: &Claims) -> Admission {
        let Some(id) = claims
            .session_id()
            .filter(|_| claims.iss == self.0.issuer.issuer())
        else {
            return Admission::Admitted;
        };
        if self.0.ended.contains(id) {
            return Admission::Ended;
        }
        // Nothing turns on whether generation 0 is confirmed: it has no predecessor.
        let generation = claims.generation.filter(|generation| *generation >= 1);
        if let (Some(generation), ConfirmBy::AccessToken) = (generation, self.0.confirm_by)
            && let Some(flushing) = self.0.confirmations.note(id, generation)
        {
            self.spawn_flush(flushing);
        }
        Admission::Admitted
    }

    async fn is_live(&self, id: SessionId) -> Result<bool, Unavailable> {
        let loaded = within(self.0.store_timeout, self.0.store.load(id)).await;
        let loaded = loaded.map_err(|_error| {
            trace::warn!(
                error = &_error as &dyn std::error::Error,
                "live check failed"
            );
            Unavailable
        })?;
        Ok(loaded.session.is_some_and(|session| {
            session.revoked.is_none()
                && session.issuer == self.0.issuer.issuer()
                && loaded.now < session.ends_at
        }))
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Off the request's path. Outside a runtime the confirmations wait for the next flush.
    fn spawn_flush(&self, flushing: Flushing) {
        let sessions = self.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let (waiting, store) = (&sessions.0.confirmations, &sessions.0.store);
                let timeout = sessions.0.store_timeout;
                waiting.flush_until_empty(flushing, store, timeout).await;
            });
        }
    }

    /// Does to its end what must not stop half way: a write, and what this process and the
    /// application have to learn of it. The caller may be cancelled or give up waiting.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> Result<T, SessionError> {
        let patience = self.0.store_timeout.saturating_mul(PATIENCE);
        let work = tokio::spawn(tokio::time::timeout(patience, work));
        match tokio::time::timeout(self.0.store_timeout, work).await {
            Ok(Ok(Ok(done))) => done,
            Ok(Ok(Err(_))) => Err(StoreError::new(StoreErrorKind::Timeout).into()),
            Ok(Err(error)) => Err(SessionError::with_source(
                SessionErrorKind::Unavailable,
                error,
            )),
            Err(_) => Err(StoreError::new(StoreErrorKind::Timeout).into()),
        }
    }
}

impl<St> Clone for Sessions<St> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<St> fmt::Debug for Sessions<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}

/// Whether a client that says who it is is not the one that the session is bound to.
fn is_other_client(presenter: Option<&str>, session: &Session) -> bool {
    match (presenter, session.client_id.as_deref()) {
        (Some(presenter), Some(owner)) => presenter != owner,
        _ => false,
    }
}

/// A store operation under a timeout. One that is done at once needs no timer.
async fn within<T>(
    timeout: Duration,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let (mut operation, mut timer) = (pin!(operation), pin!(None));
    let in_time = poll_fn(|context| {
        if let Poll::Ready(result) = operation.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if timer.is_none() {
            timer.set(Some(tokio::time::sleep(timeout)));
        }
        let timer = timer.as_mut().as_pin_mut();
        let elapsed = timer.map_or(Poll::Pending, |timer| timer.poll(context));
        elapsed.map(|()| Err(StoreError::new(StoreErrorKind::Timeout)))
    });
    in_time.await
}
