//! The decision: a pure function from a session, a token and the time to a verdict.

use std::{cmp::Ordering, fmt, time::Duration};

use uuid::Uuid;

use super::{Policy, Refusal, RevokeReason, Revoked, Session, refresh_token};
use crate::clock::{Timestamp, millis};

/// A refresh token whose signature, type and issuer have been verified.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Presented {
    /// Its `gen`.
    pub generation: u32,
    /// Its `jti`.
    pub jti: Uuid,
    /// Its `exp`.
    pub exp: Timestamp,
}

impl Presented {
    /// A token that says this of itself.
    pub const fn new(generation: u32, jti: Uuid, exp: Timestamp) -> Self {
        Self {
            generation,
            jti,
            exp,
        }
    }

    /// The token of a generation as the session's secret makes it, for models and tests of
    /// the decision.
    pub fn genuine(session: &Session, generation: u32, exp: Timestamp) -> Self {
        Self {
            generation,
            jti: refresh_token::jti(session, generation),
            exp,
        }
    }
}

/// Without the `jti`, which is nobody's to see.
impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("generation", &self.generation)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

/// What is to be done with a [`Presented`] token. The rows are those of the protocol's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
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

/// Decides what a presented token gets. Rows are tried in the order of the protocol's table;
/// row 1, no session, is the caller's.
///
/// `now` is the clock of the store that the session was loaded from.
pub fn decide(session: &Session, token: Presented, now: Timestamp, policy: &Policy) -> Verdict {
    if !refresh_token::has_jti(session, token) {
        return Verdict::Refused(Refusal::Forged);
    }
    if session.revoked.is_some() {
        return Verdict::Refused(Refusal::Revoked);
    }
    let is_ahead = token.generation > session.generation;
    let expires_at = if is_ahead {
        token.exp
    } else {
        session.expires_at
    };
    if now >= session.ends_at || now >= expires_at {
        return Verdict::Refused(Refusal::Expired);
    }
    match token.generation.cmp(&session.generation) {
        Ordering::Greater => Verdict::Restore,
        Ordering::Equal => decide_live(session, now, policy),
        Ordering::Less => decide_passed(session, token, now, policy),
    }
}

/// Rows 7 to 10, and what row 4 says of a passed token: its own `exp` keeps it from revoking,
/// but a neighbour and a predecessor whose successor is unconfirmed, or was until a moment ago,
/// are owed an answer and may have outlived it.
fn decide_passed(session: &Session, token: Presented, now: Timestamp, policy: &Policy) -> Verdict {
    let is_predecessor = token.generation.checked_add(1) == Some(session.generation);
    let window = policy.reuse_window;
    if is_predecessor && is_within(session.delivered_at, now, window, window) {
        return Verdict::Neighbour;
    }
    // A tab that confirms must not log out another whose request is on its way.
    let is_unconfirmed =
        session.confirmed_at.is_none() || is_within(session.confirmed_at, now, window, window);
    if is_predecessor && is_unconfirmed {
        let late = (session.late & policy.counted()).count_ones();
        return match late < policy.late_budget {
            true => Verdict::Late,
            false => Verdict::Reuse(Reuse::BudgetSpent),
        };
    }
    if now >= token.exp {
        return Verdict::Refused(Refusal::Expired);
    }
    Verdict::Reuse(match is_predecessor {
        true => Reuse::Confirmed,
        false => Reuse::Older,
    })
}

fn decide_live(session: &Session, now: Timestamp, policy: &Policy) -> Verdict {
    let window = policy.reuse_window;
    if session.generation >= 1
        && is_within(session.delivered_at, now, window.saturating_mul(2), window)
    {
        Verdict::Current
    } else if session.generation == u32::MAX {
        Verdict::Refused(Refusal::Exhausted)
    } else {
        Verdict::Rotate
    }
}

/// Whether no more than `limit` has gone by since `past`. A clock that is behind by no
/// more than `window` counts as standing still; one that jumped further back opens nothing.
fn is_within(past: Option<Timestamp>, now: Timestamp, limit: Duration, window: Duration) -> bool {
    past.is_some_and(|past| {
        let elapsed = now.millis_since(past);
        elapsed >= millis(window).saturating_neg() && elapsed <= millis(limit)
    })
}

impl Verdict {
    /// What the verdict makes of the session, to be swapped in for it; nothing where it changes
    /// nothing.
    pub fn apply(
        self,
        session: &Session,
        token: Presented,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<Session> {
        let mut next = session.clone();
        match self {
            Self::Refused(_) | Self::Neighbour => return None,
            Self::Reuse(_) if policy.revoke_on_reuse => {
                return Some(revoked(session, RevokeReason::Reuse, now));
            }
            Self::Reuse(_) => return None,
            Self::Current if session.confirmed_at.is_some() => return None,
            Self::Current => next.confirmed_at = Some(now),
            Self::Rotate => {
                next.generation = session.generation.checked_add(1)?;
                next.confirmed_at = None;
                next.rotated_at = Some(now);
                next.delivered_at = Some(now);
                next.late = session.late << 1;
                next.expires_at = session.ends_at.min(now + policy.idle_lifetime);
            }
            Self::Late => {
                next.late |= 1;
                next.delivered_at = Some(now);
            }
            Self::Restore => {
                let lost = token.generation.checked_sub(session.generation)?;
                next.generation = token.generation;
                next.confirmed_at = Some(now);
                next.rotated_at = Some(now);
                next.delivered_at = Some(now);
                next.late = session.late.checked_shl(lost).unwrap_or(0);
                next.expires_at = session.ends_at.min(token.exp);
            }
        }
        next.last_refreshed_at = Some(now);
        next.version = session.next_version(now);
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

/// The session as a revocation leaves it that is swapped in.
pub(super) fn revoked(session: &Session, reason: RevokeReason, now: Timestamp) -> Session {
    let mut next = session.clone();
    next.revoked = Some(Revoked::new(now, reason));
    next.version = session.next_version(now);
    next
}
