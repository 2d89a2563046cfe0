use super::{KeyThumbprint, Revoked};
use crate::clock::Timestamp;

/// What may change of a session: all that a [swap](crate::store::SessionStore::swap) writes.
///
/// A later version of this crate may add a field, which is a breaking change on purpose: see
/// [`Record`](super::Record).
#[derive(Clone, Debug, PartialEq)]
pub struct SessionState {
    /// For compare-and-swap: greater with every change, and never the same again, not even where
    /// a failover has taken the session back: no less than the time of the load that led to the
    /// swap, in milliseconds. It is below 2⁶³, so that a signed column can hold it.
    pub version: u64,
    /// The number of the live refresh token, 0 at login.
    pub generation: u32,
    /// When this generation was made; nothing for generation 0.
    pub rotated_at: Option<Timestamp>,
    /// When this generation was last handed to a client that could not have had it before.
    pub delivered_at: Option<Timestamp>,
    /// When the client was first known to hold this generation, if it is.
    pub confirmed_at: Option<Timestamp>,
    /// Bit i tells that generation `generation − i` needed a late redelivery.
    pub late: u32,
    /// When the live refresh token dies. No later than the session's `ends_at`.
    pub expires_at: Timestamp,
    /// When the refresh token was last rotated or redelivered with a write.
    pub last_refreshed_at: Option<Timestamp>,
    /// When and why the session was ended before its time.
    pub revoked: Option<Revoked>,
    /// The key that whoever refreshes has to prove to hold. This version sets none and can check
    /// no proof: it refuses to refresh a session that has one.
    pub bound_to: Option<KeyThumbprint>,
}

impl SessionState {
    /// The state after a login: generation 0 at version 0, whose token dies at `expires_at`.
    pub const fn new(expires_at: Timestamp) -> Self {
        Self {
            version: 0,
            generation: 0,
            rotated_at: None,
            delivered_at: None,
            confirmed_at: None,
            late: 0,
            expires_at,
            last_refreshed_at: None,
            revoked: None,
            bound_to: None,
        }
    }

    /// The version that a swap at `now` gives: above the one before, and no less than the time
    /// in milliseconds, so that it never comes again after a failover.
    pub fn next_version(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        self.version.saturating_add(1).max(millis)
    }
}
