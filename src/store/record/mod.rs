//! [`Record`]: what a store keeps of a session. Its size does not grow with refreshes.

mod ended;
mod extra;
mod secret;
mod session;
mod state;
mod thumbprint;

pub use ended::{EndReason, Ended};
pub use extra::Extra;
pub use secret::SessionSecret;
pub use session::{Metadata, Session};
pub use state::SessionState;
pub use thumbprint::KeyThumbprint;

use crate::clock::Timestamp;

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
///     } = state;
///     // …
/// #   format!("{version}{generation}{rotated_at:?}{delivered_at:?}{confirmed_at:?}{late}\
/// #       {expires_at:?}{last_refreshed_at:?}{ended:?}{bound_to:?}")
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
    /// The part that the login wrote. It never changes.
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

    /// Whether the session is neither ended nor expired at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state.ended.is_none() && now < self.state.expires_at && now < self.session.ends_at
    }
}
