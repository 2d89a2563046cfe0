//! What a store keeps of a session: one record, whatever the number of refreshes.

mod extra;
mod revoked;
mod secret;
mod session;
mod state;
mod thumbprint;

pub use extra::Extra;
pub use revoked::{RevokeReason, Revoked};
pub use secret::SessionSecret;
pub use session::{Metadata, Session};
pub use state::SessionState;
pub use thumbprint::KeyThumbprint;

use crate::clock::Timestamp;

/// A session as a store keeps it: what the login wrote, and what may change.
///
/// A store keeps every field of both as it is given and interprets none, but for those that the
/// [contract](super::SessionStore) names. It takes both apart with patterns that name each
/// field and have no `..`: a field that a later version of this crate adds is then an error of
/// the compiler in the store, and not a value that the store loses.
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
///         revoked,
///         bound_to,
///     } = state;
///     // …
/// #   format!("{version}{generation}{rotated_at:?}{delivered_at:?}{confirmed_at:?}{late}\
/// #       {expires_at:?}{last_refreshed_at:?}{revoked:?}{bound_to:?}")
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
    /// What the login wrote. It never changes.
    pub session: Session,
    /// What a swap may change.
    pub state: SessionState,
}

impl Record {
    /// A session that has just begun, and whose first refresh token lives as long as it does.
    pub fn new(session: Session) -> Self {
        let state = SessionState::new(session.ends_at);
        Self { session, state }
    }

    /// Whether the session can still be refreshed at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state.revoked.is_none() && now < self.state.expires_at && now < self.session.ends_at
    }
}
