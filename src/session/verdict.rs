//! The verdicts of [`decide`](super::decide), and the state that each of them writes.

use super::{EndReason, Ended, PresentedToken, Refusal, RotationPolicy};
use crate::{
    clock::Timestamp,
    store::{Record, SessionState},
};

/// How a [`PresentedToken`] is answered. The rows are those of the
/// [protocol's table](crate::manual::protocol).
///
/// A later version may add a row, which is a breaking change on purpose: whoever replays the table
/// has to learn of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// Rows 2 to 4 and 12, and row 6 if the session has reached its last generation: the token is
    /// refused.
    Refused(Refusal),
    /// Rows 5 and 13: the live token was presented again soon after its delivery. The client gets
    /// the same token.
    Current,
    /// Row 6: the live token was presented. The client gets a new token.
    Rotate,
    /// Row 7: the previous token was presented soon after the rotation, by another tab or a quick
    /// retry. The client gets the live token.
    Neighbour,
    /// Row 8: the previous token was presented late, as an answer was lost or another tab was
    /// faster. The client gets the live token.
    Late,
    /// Rows 9 and 10: the token was presented after the client had moved on to a newer one. It is
    /// refused, and the session ends if the policy says so.
    Reuse(Reuse),
    /// Row 11: the token is ahead of the store, which has lost writes. The store catches up.
    Restore,
    /// Row 14: the session is bound to a key, the client has proved that it holds it, and has
    /// presented a token that another of its copies, or a lost answer, has moved past. The client
    /// gets the live token.
    Overtaken,
}

/// How the reuse of a refresh token was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reuse {
    /// Row 9: the previous token was presented, although the client had shown for longer than the
    /// reuse window that it holds the live one.
    Confirmed,
    /// Row 9: the previous token was presented late more often than the budget allows.
    BudgetSpent,
    /// Row 9: the previous token was presented, under
    /// [strict rotation](super::SessionsBuilder::strict_rotation).
    Strict,
    /// Row 10: a token older than the previous one was presented.
    Older,
}

impl RefreshVerdict {
    /// The session's next state by this verdict, which is to be swapped in. `None` if the verdict
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
            Self::Refused(_) | Self::Neighbour | Self::Overtaken => return None,
            Self::Reuse(_) if policy.end_on_reuse => {
                return Some(ended(state, EndReason::Reuse, now));
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
            Self::Current
                | Self::Rotate
                | Self::Neighbour
                | Self::Late
                | Self::Restore
                | Self::Overtaken
        )
    }
}

/// The state of a session that is ended by a swap.
pub(super) fn ended(state: &SessionState, reason: EndReason, now: Timestamp) -> SessionState {
    let mut next = state.clone();
    next.ended = Some(Ended::new(now, reason));
    next.version = state.next_version(now);
    next
}
