//! [`Record`]: what a store keeps of a session. Its size does not grow with refreshes.

mod ended;
mod extra;
mod secret;
mod session;
mod state;

pub use ended::{EndReason, Ended};
pub use extra::Extra;
#[cfg(feature = "session")]
pub(crate) use extra::Methods;
pub use secret::SessionSecret;
pub use session::{Metadata, Session};
pub use state::SessionState;

use std::time::Duration;

use crate::{claims::PrivateClaims, clock::Timestamp};

/// A session as a store keeps it: the part that the login wrote, and the part that may change.
///
/// A store keeps every field of both parts as it is given. It interprets only the fields that the
/// [contract](super::SessionStore) names.
///
/// To be sure that a store forgets no field, destructure both parts with patterns that name every
/// field and have no `..`. If a later version of this crate adds a field, the store then no longer
/// compiles, instead of losing the field's value.
///
/// ```
/// use tower_bearer::store::{Record, SessionState};
///
/// /// The columns that a swap of this store writes.
/// fn columns(state: &SessionState) -> String {
///     let SessionState {
///         version,
///         generation,
///         rotated_at,
///         delivered_at,
///         confirmed_at,
///         late,
///         expires_at,
///         last_refreshed_at,
///         ended,
///         bound_to,
///         extra,
///     } = state;
///     // …
/// #   format!("{version}{generation}{rotated_at:?}{delivered_at:?}{confirmed_at:?}{late}\
/// #       {expires_at:?}{last_refreshed_at:?}{ended:?}{bound_to:?}{extra:?}")
/// }
///
/// fn row(record: &Record) -> String {
///     let Record { session, state } = record;
///     // `session` is taken apart in the same way.
///     format!("{} {}", session.id, columns(state))
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The part that the login wrote. It changes only as the session ends.
    pub session: Session,
    /// The part that changes.
    pub state: SessionState,
}

impl Record {
    /// A new session, whose first refresh token expires when the session does.
    pub fn new(session: Session) -> Self {
        let state = SessionState::new(session.ends_at);
        Self { session, state }
    }

    /// How long a session is kept at least after its end, unless its `ends_at` came before that
    /// when it was still live.
    pub const KEPT_AFTER_END: Duration = Duration::from_secs(24 * 60 * 60);

    /// Ends the session: sets `state.ended`, adds 1 to `state.version`, and drops what nobody needs
    /// of an ended session.
    ///
    /// Its metadata, its private claims and the `extra` of its state become empty. Its `ends_at`, at which it may be deleted,
    /// becomes the time at which its newest refresh token expires, or
    /// [`KEPT_AFTER_END`](Self::KEPT_AFTER_END) after its end if that is later, but never moves to
    /// a later time. Until then a store can tell that a token of the session is used after the
    /// end. Later every token of the session has expired, and is refused for that alone.
    ///
    /// A store that changes rows by statements of its own does the same there:
    /// `ends_at = min(ends_at, max(expires_at, ended.at + 1 day))`.
    ///
    /// ```
    /// use tower_bearer::store::{EndReason, Ended, Record};
    /// # use std::time::Duration;
    /// # use tower_bearer::{SessionId, clock::Timestamp};
    /// # use tower_bearer::store::{Session, SessionSecret};
    /// # const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// # let now = Timestamp::from_secs(1_000);
    /// # let id: SessionId = "0192d3a0-0000-7000-8000-000000000001".parse()?;
    /// # let secret = SessionSecret::from_bytes([7; 32]);
    /// # let mut session = Session::new(id, "https://id.example", "anna", secret, now);
    /// session.ends_at = now + 180 * DAY;
    /// session.metadata.insert("device".into(), "phone".into());
    /// let mut record = Record::new(session);
    /// record.state.expires_at = now + 30 * DAY;
    ///
    /// record.end(Ended::new(now, EndReason::Logout));
    /// assert_eq!(record.session.ends_at, now + 30 * DAY);
    /// assert!(record.session.metadata.is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(&mut self, ended: Ended) {
        self.state.version = self.state.version.saturating_add(1);
        self.state.ended = Some(ended);
        self.drop_what_an_end_drops(ended);
    }

    /// Replaces the state, as a [swap](super::SessionStore::swap) does. If the new state is that of
    /// an ended session, also drops what [`end`](Self::end) drops.
    pub fn replace_state(&mut self, next: SessionState) {
        self.state = next;
        if let Some(ended) = self.state.ended {
            self.drop_what_an_end_drops(ended);
        }
    }

    fn drop_what_an_end_drops(&mut self, ended: Ended) {
        let kept_until = self.state.expires_at.max(ended.at + Self::KEPT_AFTER_END);
        self.session.ends_at = self.session.ends_at.min(kept_until);
        self.session.metadata = Metadata::new();
        self.session.claims = PrivateClaims::default();
        self.state.extra = Extra::new();
    }

    /// Whether the session is neither ended nor expired at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state.ended.is_none() && now < self.state.expires_at && now < self.session.ends_at
    }
}
