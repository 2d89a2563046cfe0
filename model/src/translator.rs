//! Between the model's numbers and the crate's own types. The model asks the real decision
//! about a real session, and this is the one file that knows how such a session looks.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    claims::KeyThumbprint,
    clock::Timestamp,
    session::{
        EndReason, Ended, Possession, PresentedToken, Record, RotationPolicy, Session,
        SessionSecret, SessionState,
    },
};
use uuid::Uuid;

use crate::{
    bounds::Bounds,
    row::{Key, Row},
    rules::Question,
    time::{FAR, NEWEST, OLDEST},
};

/// Milliseconds.
const TICK: i64 = 5_000;
/// The time of every decision: what differs from state to state is how long ago things were.
const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

/// Makes the crate's sessions of the model's rows, and rows of sessions.
#[derive(Clone, Debug)]
pub(crate) struct Translator {
    policy: RotationPolicy,
    /// The session as its login wrote it: what no row has.
    login: Session,
}

/// A refresh token in the model's numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) generation: u8,
    /// Ticks until it expires.
    pub(crate) expires: u8,
    /// Whether it was made with the session's secret.
    pub(crate) is_genuine: bool,
    /// What is known of the presenter's key.
    pub(crate) possession: Possession,
}

impl Translator {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let id = SessionId::from_uuid(Uuid::from_u128(7));
        let secret = SessionSecret::from_bytes([9; 32]);
        let login = Session::new(id, "", "", secret, Timestamp::from_secs(0));
        Self {
            policy: policy(bounds),
            login,
        }
    }

    /// What a server asks the decision when this token meets this row.
    pub(crate) fn question(&self, row: Row, token: Token) -> Question {
        Question {
            record: self.record(row),
            token: self.presented(token),
            now: NOW,
            policy: self.policy.clone(),
        }
    }

    /// The row of a session that ends in so many ticks.
    pub(crate) fn row(&self, ends: u8, state: &SessionState) -> Row {
        let counted = (1_u32 << self.policy.late_span) - 1;
        Row {
            generation: state.generation as u8,
            rotated: state.rotated_at.map(ticks_since),
            delivered: state.delivered_at.map(ticks_since),
            confirmed: state.confirmed_at.map(ticks_since),
            late: (state.late & counted) as u8,
            expires: ticks_until(state.expires_at),
            ends,
            ended: state.ended.map(|ended| ended.reason == EndReason::Reuse),
            bound: state.bound_to.as_ref().map(|key| match *key == clients() {
                true => Key::Clients,
                false => Key::Others,
            }),
        }
    }

    fn record(&self, row: Row) -> Record {
        let mut session = self.login.clone();
        session.ends_at = ahead(row.ends);
        let mut state = SessionState::new(ahead(row.expires));
        state.generation = u32::from(row.generation);
        state.rotated_at = row.rotated.map(ago);
        state.delivered_at = row.delivered.map(ago);
        state.confirmed_at = row.confirmed.map(ago);
        state.late = u32::from(row.late);
        state.ended = row.ended.map(|is_reuse| match is_reuse {
            true => Ended::new(NOW, EndReason::Reuse),
            false => Ended::new(NOW, EndReason::Logout),
        });
        state.bound_to = row.bound.map(|key| match key {
            Key::Clients => clients(),
            Key::Others => KeyThumbprint::from_bytes([2; 32]),
        });
        Record { session, state }
    }

    fn presented(&self, token: Token) -> PresentedToken {
        PresentedToken::new(
            u32::from(token.generation),
            ahead(token.expires),
            token.is_genuine,
        )
        .with_possession(token.possession)
    }
}

/// The thumbprint of the client's key.
fn clients() -> KeyThumbprint {
    KeyThumbprint::from_bytes([1; 32])
}

fn policy(bounds: &Bounds) -> RotationPolicy {
    let mut policy = RotationPolicy::default();
    policy.idle_lifetime = Duration::from_millis(u64::from(bounds.lifetimes.0) * TICK as u64);
    policy.reuse_window = Duration::from_millis(bounds.window as u64 * TICK as u64);
    policy.rotate_bound_after =
        Duration::from_millis(u64::from(bounds.rotate_bound_after) * TICK as u64);
    (policy.late_budget, policy.late_span) = bounds.budget;
    policy.strict = bounds.strict;
    policy
}

fn ago(ticks: i8) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - i64::from(ticks) * TICK)
}

fn ahead(ticks: u8) -> Timestamp {
    NOW + Duration::from_millis(u64::from(ticks) * TICK as u64)
}

fn ticks_since(time: Timestamp) -> i8 {
    (NOW.millis_since(time) / TICK).clamp(NEWEST.into(), OLDEST.into()) as i8
}

fn ticks_until(time: Timestamp) -> u8 {
    (time.millis_since(NOW) / TICK).clamp(0, FAR.into()) as u8
}
