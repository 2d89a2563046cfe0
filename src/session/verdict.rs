//! What the decision says, and what that writes.

use super::{PresentedToken, Refusal, RevokeReason, Revoked, RotationPolicy};
use crate::{
    clock::Timestamp,
    store::{Record, SessionState},
};

/// What is to be done with a [`PresentedToken`]. The rows are those of the protocol's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// Rows 2 to 4, and row 6 where the last generation has been reached.
    Refused(Refusal),
    /// Row 5: the live token again, soon after it was delivered.
    Current,
    /// Row 6: the live token; its successor is made.
    Rotate,
    /// Row 7: the predecessor, soon after; another tab or a quick retry.
    Neighbour,
    /// Row 8: the predecessor, late; the answer was lost, or another tab has been quicker.
    Late,
    /// Rows 9 and 10: a token that the client has moved past.
    Reuse(Reuse),
    /// Row 11: a token ahead of the store, which has lost writes.
    Restore,
}

/// What gave a reuse away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reuse {
    /// Row 9: the predecessor, although the client has long shown that it holds the successor.
    Confirmed,
    /// Row 9: the predecessor, once more than the budget of late redeliveries allows.
    BudgetSpent,
    /// Row 10: a token older than the predecessor.
    Older,
}

impl RefreshVerdict {
    /// What the verdict makes of the session's state, to be swapped in for it; nothing where it
    /// changes nothing.
    pub fn apply(
        self,
        record: &Record,
        token: PresentedToken,
        now: Timestamp,
        policy: &RotationPolicy,
    ) -> Option<SessionState> {
        let Record { session, state } = record;
        let mut next = state.clone();
        match self {
            Self::Refused(_) | Self::Neighbour => return None,
            Self::Reuse(_) if policy.revoke_on_reuse => {
                return Some(revoked(state, RevokeReason::Reuse, now));
            }
            Self::Reuse(_) => return None,
            Self::Current if state.confirmed_at.is_some() => return None,
            Self::Current => next.confirmed_at = Some(now),
            Self::Rotate => {
                next.generation = state.generation.checked_add(1)?;
                next.confirmed_at = None;
                next.rotated_at = Some(now);
                next.delivered_at = Some(now);
                next.late = state.late << 1;
                next.expires_at = session.ends_at.min(now + policy.idle_lifetime_of(session));
            }
            Self::Late => {
                next.late |= 1;
                next.delivered_at = Some(now);
            }
            Self::Restore => {
                let lost = token.generation.checked_sub(state.generation)?;
                next.generation = token.generation;
                next.confirmed_at = Some(now);
                next.rotated_at = Some(now);
                next.delivered_at = Some(now);
                next.late = state.late.checked_shl(lost).unwrap_or(0);
                next.expires_at = session.ends_at.min(token.exp);
            }
        }
        next.last_refreshed_at = Some(now);
        next.version = state.next_version(now);
        Some(next)
    }

    /// Whether the client gets tokens.
    pub const fn is_accepted(self) -> bool {
        matches!(
            self,
            Self::Current | Self::Rotate | Self::Neighbour | Self::Late | Self::Restore
        )
    }
}

/// The state as a revocation leaves it that is swapped in.
pub(super) fn revoked(state: &SessionState, reason: RevokeReason, now: Timestamp) -> SessionState {
    let mut next = state.clone();
    next.revoked = Some(Revoked::new(now, reason));
    next.version = state.next_version(now);
    next
}
