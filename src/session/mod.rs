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
mod guard;
mod hook;
mod info;
mod lifetimes;
mod list;
#[cfg(feature = "cookie")]
mod longest;
mod mint;
mod outcome;
mod patience;
mod policy;
mod refresh;
mod refresh_claims;
mod refresh_request;
mod refresh_token;
mod refusal;
mod revoke;
mod start;
mod verdict;
mod write;

use std::{fmt, sync::Arc, time::Duration};

pub use builder::SessionsBuilder;
pub use clean_up::CleanUp;
pub use decide::{PresentedToken, decide};
pub use error::{SessionError, SessionErrorKind};
pub use event::{SessionEvent, SessionEventKind};
pub use grant::Grant;
pub use hook::{IntoRefreshDecision, RefreshDecision};
pub use info::SessionInfo;
pub use outcome::{RefreshOutcome, Refreshed};
pub use policy::{ConfirmBy, Overflow, RotationPolicy};
pub use refresh_request::RefreshRequest;
pub use refresh_token::RefreshKey;
pub use refusal::Refusal;
pub use verdict::{RefreshVerdict, Reuse};

pub use crate::store::{
    Metadata, PrivateClaims, Record, RevokeReason, Revoked, Session, SessionSecret, SessionState,
};

use crate::{
    error::ConfigError,
    issuer::Issuer,
    store::{AnyStore, SessionStore},
};

/// The sessions of an issuer, kept in a store. Cheap to clone; clones share everything.
///
/// Handlers and layers name it as `Sessions`, whatever the store: [`AnyStore`] is the default.
///
/// All methods are safe to cancel: a client that got no answer presents its token again and
/// is served; what ends a session goes on to its end, as long as the runtime lives. They need a
/// tokio runtime with time.
pub struct Sessions<St = AnyStore>(Arc<builder::Inner<St>>);

impl Sessions {
    /// Sessions with these keys in this store. The refresh key must not be among the access
    /// token keys.
    ///
    /// The store's type does not show in what is built. Where it should, begin with
    /// [`SessionsBuilder::new`].
    pub fn builder(
        issuer: Issuer,
        refresh_key: RefreshKey,
        store: impl SessionStore,
    ) -> SessionsBuilder {
        SessionsBuilder::new(issuer, refresh_key, AnyStore::new(store))
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Who issues the access tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// The numbers that the decision turns on.
    pub fn policy(&self) -> &RotationPolicy {
        &self.0.policy
    }

    /// How long an access token lives.
    pub fn access_lifetime(&self) -> Duration {
        self.0.access_lifetime
    }

    /// How long a session lives from login on, where its login has not said so.
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

    fn tell(&self, kind: SessionEventKind, record: &Record, token: Option<PresentedToken>) {
        let distance = token.map_or(0, |token| {
            i64::from(record.state.generation) - i64::from(token.generation)
        });
        let subject = Some(record.session.subject.clone());
        self.0.events.tell(&SessionEvent {
            kind,
            session: record.session.id,
            subject,
            distance,
        });
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
