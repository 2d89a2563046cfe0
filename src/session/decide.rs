//! [`decide`]: a pure function from a session, a presented token and the time to a verdict.
//!
//! It does not deal with keys or hashes: its caller has checked whether the token is genuine.

use std::{cmp::Ordering, time::Duration};

use super::{Possession, RefreshVerdict, Refusal, Reuse, RotationPolicy};
use crate::{
    clock::{Timestamp, millis},
    store::{Record, SessionState},
};

/// What [`decide`] needs to know of a refresh token whose signature, type and issuer have been
/// verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresentedToken {
    /// The token's generation: its `gen` claim.
    pub generation: u32,
    /// When the token expires: its `exp` claim.
    pub exp: Timestamp,
    /// Whether the token's `jti` is the one that the session's secret gives for its generation.
    pub is_genuine: bool,
    /// Whether the presenter has proved that it holds the key that the token or its session is bound
    /// to. If the session is bound, [`Unbound`](Possession::Unbound) counts as
    /// [`Unproven`](Possession::Unproven).
    pub possession: Possession,
}

impl PresentedToken {
    /// A token of this generation that expires at `exp` and is bound to no key.
    pub const fn new(generation: u32, exp: Timestamp, is_genuine: bool) -> Self {
        Self {
            generation,
            exp,
            is_genuine,
            possession: Possession::Unbound,
        }
    }

    /// The same token, presented by someone of whose key this is known.
    #[must_use]
    pub const fn with_possession(self, possession: Possession) -> Self {
        Self { possession, ..self }
    }
}

/// Decides how a presented refresh token is answered.
///
/// The rows of the [protocol's table](crate::manual::protocol) are tried in their order. Row 1,
/// where there is no such session, is left to the caller. `now` is the time at which the session
/// was loaded, by the store's clock.
///
/// ```
/// use tower_bearer::session::{PresentedToken, RefreshVerdict, RotationPolicy, decide};
/// use tower_bearer::store::Record;
/// # use tower_bearer::{SessionId, clock::Timestamp};
/// # use tower_bearer::store::{Session, SessionSecret, SessionState};
/// # let now = Timestamp::from_secs(1_000);
/// # let end = Timestamp::from_secs(2_000);
/// # let id: SessionId = "0192d3a0-0000-7000-8000-000000000001".parse()?;
/// # let secret = SessionSecret::from_bytes([7; 32]);
/// # let mut session = Session::new(id, "https://id.example", "anna", secret, now);
/// # session.ends_at = end;
/// # let state = SessionState::new(end);
///
/// let record = Record { session, state };
/// let policy = RotationPolicy::default();
/// let token = PresentedToken::new(0, record.state.expires_at, true);
///
/// let verdict = decide(&record, token, now, &policy);
/// assert_eq!(verdict, RefreshVerdict::Rotate);
/// let next = verdict.apply(&record, token, now, &policy);
/// assert_eq!(next.map(|state| state.generation), Some(1));
///
/// let forged = PresentedToken::new(0, record.state.expires_at, false);
/// assert!(!decide(&record, forged, now, &policy).is_accepted());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn decide(
    record: &Record,
    token: PresentedToken,
    now: Timestamp,
    policy: &RotationPolicy,
) -> RefreshVerdict {
    let Record { session, state } = record;
    if !token.is_genuine {
        return RefreshVerdict::Refused(Refusal::Forged);
    }
    if state.ended.is_some() {
        return RefreshVerdict::Refused(Refusal::Ended);
    }
    let is_ahead = token.generation > state.generation;
    let expires_at = if is_ahead {
        token.exp
    } else {
        state.expires_at
    };
    if now >= session.ends_at || now >= expires_at {
        return RefreshVerdict::Refused(Refusal::Expired);
    }
    let is_bound = state.bound_to.is_some() || token.possession != Possession::Unbound;
    if is_bound && token.possession != Possession::Proven {
        // Nothing is written: whoever has the token alone must not end the session.
        return RefreshVerdict::Refused(Refusal::Unproven);
    }
    match (token.generation.cmp(&state.generation), is_bound) {
        (Ordering::Greater, _) => RefreshVerdict::Restore,
        (Ordering::Equal, false) => decide_live(state, now, policy),
        (Ordering::Less, false) => decide_passed(state, token, now, policy),
        (Ordering::Equal, true) => decide_bound(record, now, policy),
        // The client has proved to be the session's own, so this is one of its copies, or a retry.
        (Ordering::Less, true) => RefreshVerdict::Overtaken,
    }
}

/// Decides on the live token of a bound session whose client has proved its key: row 13 or 6.
///
/// Nothing depends on the reuse window but how often the session rotates, so strict rotation does not
/// count here: a sender constraint stands in for it (RFC 9700 §4.14.2).
fn decide_bound(record: &Record, now: Timestamp, policy: &RotationPolicy) -> RefreshVerdict {
    let Record { session, state } = record;
    let window = policy.reuse_window;
    // A client that refreshes now and then must not come too late for the next rotation.
    let longest = policy.idle_lifetime_of(session) / 2;
    let kept = policy.rotate_bound_after.min(longest);
    let kept = kept.max(window.saturating_mul(2));
    let may_come_again = state.generation >= 1;
    if may_come_again && is_within(state.delivered_at, now, kept, window) {
        RefreshVerdict::Current
    } else {
        rotate(state)
    }
}

/// Decides on a token that is older than the live one: rows 7 to 10, and row 4.
///
/// The token's own `exp` comes after rows 7 and 8: an expired token does not end the session, but a
/// predecessor that may be answered is answered even after its `exp`. Under strict rotation none may
/// be.
fn decide_passed(
    state: &SessionState,
    token: PresentedToken,
    now: Timestamp,
    policy: &RotationPolicy,
) -> RefreshVerdict {
    let is_predecessor = token.generation.checked_add(1) == Some(state.generation);
    let may_be_answered = is_predecessor && !policy.strict;
    let window = policy.reuse_window;
    if may_be_answered && is_within(state.delivered_at, now, window, window) {
        return RefreshVerdict::Neighbour;
    }
    // When one tab confirms, the request of another tab that is on its way must not end the
    // session.
    let is_unconfirmed =
        state.confirmed_at.is_none() || is_within(state.confirmed_at, now, window, window);
    if may_be_answered && is_unconfirmed {
        let late = (state.late & policy.counted()).count_ones();
        return match late < policy.late_budget {
            true => RefreshVerdict::Late,
            false => RefreshVerdict::Reuse(Reuse::BudgetSpent),
        };
    }
    if now >= token.exp {
        return RefreshVerdict::Refused(Refusal::Expired);
    }
    RefreshVerdict::Reuse(match is_predecessor {
        true if policy.strict => Reuse::Strict,
        true => Reuse::Confirmed,
        false => Reuse::Older,
    })
}

fn decide_live(state: &SessionState, now: Timestamp, policy: &RotationPolicy) -> RefreshVerdict {
    let window = policy.reuse_window;
    let may_come_again = state.generation >= 1 && !policy.strict;
    if may_come_again && is_within(state.delivered_at, now, window.saturating_mul(2), window) {
        RefreshVerdict::Current
    } else {
        rotate(state)
    }
}

fn rotate(state: &SessionState) -> RefreshVerdict {
    match state.generation {
        u32::MAX => RefreshVerdict::Refused(Refusal::Exhausted),
        _ => RefreshVerdict::Rotate,
    }
}

/// Whether no more than `limit` has passed since `past`. The clock may have gone back by at most
/// `window`; if it has gone back further, the answer is no.
fn is_within(past: Option<Timestamp>, now: Timestamp, limit: Duration, window: Duration) -> bool {
    past.is_some_and(|past| {
        let elapsed = now.millis_since(past);
        elapsed >= millis(window).saturating_neg() && elapsed <= millis(limit)
    })
}
