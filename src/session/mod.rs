//! Sessions, which begin with a login and last as long as the client refreshes its tokens.
//!
//! [`Sessions`] starts, refreshes, lists and ends sessions, and is independent of HTTP. A session
//! is one row in a store, and a refresh is one compare-and-swap of that row. The pure function
//! [`decide`] decides how a presented refresh token is answered; the
//! [manual](crate::manual::protocol) has the table of its rows and their reasons.
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

mod adopt;
mod authentication;
mod bind;
mod builder;
mod clean_up;
mod confirm;
mod consult;
mod decide;
mod end;
mod end_request;
mod ended;
mod error;
mod event;
mod excess_scope;
mod feed;
mod grant;
mod guard;
mod hook;
mod info;
mod introspect;
mod keys;
mod last_seen;
mod lifetimes;
mod limits;
mod list;
mod list_all;
mod load;
#[cfg(feature = "cookie")]
mod longest;
mod maximum;
mod meter;
mod mint;
mod outcome;
mod outdated;
mod over;
mod owner;
pub(crate) mod patience;
#[cfg(feature = "dbsc")]
mod peek;
mod policy;
mod possession;
mod race;
mod reauthenticate;
mod refresh;
mod refresh_claims;
mod refresh_request;
mod refresh_token;
mod refusal;
mod resources;
mod revoke;
pub(crate) mod runtime;
mod start;
mod takeover;
mod timed;
mod tries;
mod verdict;
mod watched;
mod write;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

pub use builder::SessionsBuilder;
pub use clean_up::CleanUp;
pub use decide::{PresentedToken, decide};
pub use end_request::EndRequest;
pub use error::{SessionError, SessionErrorKind};
pub use event::{EventsMissed, SessionEvent, SessionEventKind, SessionEvents};
pub use excess_scope::ExcessScope;
pub use feed::{FeedOptions, FeedStatus, SessionFeed, WhenBehind};
pub use grant::Grant;
pub use hook::{IntoRefreshDecision, RefreshDecision};
pub use info::SessionInfo;
pub(crate) use introspect::LiveToken;
pub use last_seen::LastSeen;
pub use list::{ListRequest, SessionPage};
pub use list_all::{AllSessionsPage, ListAllRequest};
pub use outcome::{RefreshOutcome, Refreshed};
pub use over::{OverReason, SessionOver};
pub use owner::SessionOwner;
#[cfg(feature = "dbsc")]
pub(crate) use peek::TokenReader;
pub use policy::{ConfirmBy, Overflow, RotationPolicy};
pub use possession::Possession;
pub use reauthenticate::Reauthentication;
pub use refresh_request::RefreshRequest;
pub use refresh_token::RefreshKey;
pub use refusal::Refusal;
pub use takeover::{ForeignTokens, Takeover};
pub use verdict::{RefreshVerdict, Reuse};

pub use crate::key_proof::KeyProof;
pub use crate::store::{
    EndReason, Ended, Metadata, PrivateClaims, Record, Session, SessionSecret, SessionState,
};

use self::event::Told;
use crate::{
    error::ConfigError,
    issuer::Issuer,
    store::{AnyStore, SessionStore},
};

/// The sessions of an issuer, kept in a store. It is cheap to clone; clones share everything.
///
/// Handlers and layers can name this type as `Sessions`, whatever the store is, because
/// [`AnyStore`] is the default of `St`.
///
/// The async methods need a tokio runtime with its time driver. All of them may be cancelled:
/// - If a refresh is cancelled, the client presents its token again and is served.
/// - A call that ends sessions goes on in a task of its own, as long as the runtime lives.
pub struct Sessions<St = AnyStore>(Arc<builder::Inner<St>>);

impl Sessions {
    /// Configures the sessions of `issuer`, which signs the access tokens. `refresh_key` signs
    /// the refresh tokens; it must not be one of the issuer's keys.
    ///
    /// The type that is built hides the store's type. To keep the store's type, use
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
    /// The issuer of the access tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// The settings that [`decide`] goes by.
    pub fn policy(&self) -> &RotationPolicy {
        &self.0.policy
    }

    /// How long an access token is valid.
    pub fn access_lifetime(&self) -> Duration {
        self.0.access_lifetime
    }

    /// How long after its login a session expires, unless the
    /// [login](Grant::session_lifetime) has set another time.
    pub fn session_lifetime(&self) -> Duration {
        self.0.session_lifetime
    }

    /// The store that keeps the sessions.
    pub fn store(&self) -> &St {
        &self.0.store.store
    }

    /// The [events](SessionEvent) of this process from now on, as a stream. Each call gives a stream of its
    /// own, and clones of these sessions are told of alike.
    ///
    /// A stream keeps up to 1024 events for its reader, which is a few hundred KiB, and over 1 MiB where
    /// subjects are as long as they may be. A slower reader loses the oldest, and is told [how many](EventsMissed): it never slows down a refresh. To count events,
    /// or where none may be lost, use the [hook](SessionsBuilder::on_event) or the metrics.
    ///
    /// ```
    /// use tower_bearer::session::{SessionEventKind, Sessions};
    ///
    /// async fn audit(sessions: &Sessions) {
    ///     let mut events = sessions.events();
    ///     while let Some(event) = events.recv().await {
    ///         match event {
    ///             Ok(event) if event.kind == SessionEventKind::Rotated => {}
    ///             Ok(event) => println!("{:?}: {}", event.time, event.kind.as_str()),
    ///             Err(missed) => println!("{missed}"),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// `audit` holds its sessions, so this loop never ends by itself. A task that does not hold any sees the stream end when
    /// the last clone of the sessions is dropped.
    pub fn events(&self) -> SessionEvents {
        self.0.events.stream()
    }

    /// Starts a task that deletes expired sessions from the store, once now and then again at
    /// each interval of length `every`. The task stops when the handle is dropped or
    /// [stopped](CleanUp::stop).
    ///
    /// # Errors
    ///
    /// If `every` is zero, or if this is not called within a tokio runtime.
    pub fn clean_up(&self, every: Duration) -> Result<CleanUp, ConfigError> {
        CleanUp::start(self.clone(), every)
    }

    /// Writes the confirmations to the store that are still waiting in memory. Call it at a
    /// graceful shutdown: a client whose confirmation is lost may need one of its late
    /// redeliveries.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](SessionErrorKind::Unavailable) if the store fails. What was not written
    /// keeps waiting.
    pub async fn flush(&self) -> Result<(), SessionError> {
        Ok(self
            .0
            .confirmations
            .flush(&self.0.store, self.0.store_timeout)
            .await?)
    }

    fn tell(
        &self,
        kind: SessionEventKind,
        record: &Record,
        token: Option<PresentedToken>,
        address: Option<IpAddr>,
    ) {
        let distance = token.map_or(0, |token| {
            i64::from(record.state.generation) - i64::from(token.generation)
        });
        self.0.events.tell(&Told {
            kind,
            session: record.session.id,
            subject: Some(&record.session.subject),
            actor: record.session.extra.actor_name(),
            distance,
            address,
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

/// Whether the presenter names itself as another client than the one that the session is bound to.
fn is_other_client(presenter: Option<&str>, session: &Session) -> bool {
    match (presenter, session.client_id.as_deref()) {
        (Some(presenter), Some(owner)) => presenter != owner,
        _ => false,
    }
}
