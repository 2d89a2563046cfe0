use super::{Ended, Extra};
use crate::{claims::KeyThumbprint, clock::Timestamp};

/// The part of a session that changes: all that a [swap](crate::store::SessionStore::swap)
/// writes.
///
/// A later version of this crate may add a field. That is a breaking change on purpose; see
/// [`Record`](super::Record).
#[derive(Clone, Debug, PartialEq)]
pub struct SessionState {
    /// The version for compare-and-swap. It grows with every change.
    ///
    /// A swap sets it to at least the time of its load in milliseconds since 1970. So a version
    /// does not come again after a failover to a replica with an older state. It is below 2⁶³, so
    /// that a signed 64-bit column can hold it. The highest, 2⁶³ − 1, never comes of a clock; a session that
    /// has it is not swapped any more, but can be ended. A store that can hold a higher one may go on counting.
    pub version: u64,
    /// The number of the live refresh token. It is 0 at login.
    pub generation: u32,
    /// When this generation was made. `None` for generation 0.
    pub rotated_at: Option<Timestamp>,
    /// When this generation was last sent to a client that may not have had it before.
    pub delivered_at: Option<Timestamp>,
    /// When the client first showed that it holds this generation. `None` until it has.
    pub confirmed_at: Option<Timestamp>,
    /// Bit `i` (0 is the lowest) is set if generation `generation − i` needed a late redelivery.
    pub late: u32,
    /// When the live refresh token expires. No later than the session's `ends_at`.
    pub expires_at: Timestamp,
    /// When a refresh last changed this state.
    pub last_refreshed_at: Option<Timestamp>,
    /// When and why the session was ended. `None` until it is.
    pub ended: Option<Ended>,
    /// The key that the session is bound to. Whoever presents a refresh token of it has to prove
    /// that they hold this key. Once it is set, it never changes.
    pub bound_to: Option<KeyThumbprint>,
    /// Members that were added to the state after the first version of the contract. Each change carries them
    /// on, unless it is about them. Empty once the session is ended.
    pub extra: Extra,
}

impl SessionState {
    /// The state after a login: version 0 and generation 0, whose refresh token expires at
    /// `expires_at`.
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
            ended: None,
            bound_to: None,
            extra: Extra::new(),
        }
    }

    /// The version for a swap at `now`: above the current one, and at least `now` in milliseconds
    /// since 1970, so that it does not come again after a failover.
    pub fn next_version(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        self.version.saturating_add(1).max(millis)
    }
}
