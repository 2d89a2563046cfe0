use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{
        Record, RefreshVerdict, Reuse, RevokeReason, Revoked, Session, SessionSecret, SessionState,
    },
};
use uuid::Uuid;

use crate::{FAR, WINDOW};

/// Milliseconds.
pub(crate) const TICK: i64 = 5_000;
/// The decision looks no further back than twice the window, and no further ahead than once.
pub(crate) const OLDEST: i8 = 2 * WINDOW + 1;
pub(crate) const NEWEST: i8 = -(WINDOW + 1);

/// The time of every decision: a state holds ages, not times, so that histories that differ
/// by a shift in time are one.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

/// A session's row, without what neither the decision nor the token that it gives depends on.
/// The version is in the [calls](crate::Call) that compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// The live generation.
    pub generation: u8,
    /// Ticks since `rotated_at`.
    pub rotated: Option<i8>,
    /// Ticks since `delivered_at`; below zero after the clock has jumped back.
    pub delivered: Option<i8>,
    /// Ticks since `confirmed_at`.
    pub confirmed: Option<i8>,
    /// `late`, cut off at the span.
    pub late: u8,
    /// Ticks until `expires_at`.
    pub expires: u8,
    /// Ticks until `ends_at`.
    pub ends: u8,
    /// Revoked, and whether as reuse.
    pub revoked: Option<bool>,
}

impl Row {
    pub(crate) fn new(lifetimes: (u8, u8)) -> Self {
        Self {
            generation: 0,
            rotated: None,
            delivered: None,
            confirmed: None,
            late: 0,
            expires: lifetimes.0,
            ends: lifetimes.1,
            revoked: None,
        }
    }

    pub(crate) fn template() -> Record {
        let id = SessionId::from_uuid(Uuid::from_u128(7));
        let secret = SessionSecret::from_bytes([9; 32]);
        Record::new(Session::new(id, "", "", secret, Timestamp::from_secs(0)))
    }

    pub(crate) fn to_record(self, template: &Record) -> Record {
        let mut record = template.clone();
        record.session.ends_at = ahead(self.ends);
        let state = &mut record.state;
        state.generation = u32::from(self.generation);
        state.rotated_at = self.rotated.map(ago);
        state.delivered_at = self.delivered.map(ago);
        state.confirmed_at = self.confirmed.map(ago);
        state.late = u32::from(self.late);
        state.expires_at = ahead(self.expires);
        state.revoked = self.revoked.map(|reuse| match reuse {
            true => Revoked::new(NOW, RevokeReason::Reuse),
            false => Revoked::new(NOW, RevokeReason::Logout),
        });
        record
    }

    /// This row with another state.
    pub(crate) fn with(self, state: &SessionState, span: u32) -> Self {
        let seen = (1_u32 << span) - 1;
        Self {
            generation: state.generation as u8,
            rotated: state.rotated_at.map(age),
            delivered: state.delivered_at.map(age),
            confirmed: state.confirmed_at.map(age),
            late: (state.late & seen) as u8,
            expires: left(state.expires_at),
            ends: self.ends,
            revoked: state
                .revoked
                .map(|revoked| revoked.reason == RevokeReason::Reuse),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.revoked.is_none() && self.expires > 0 && self.ends > 0
    }

    /// Lets time go by; backwards only where nothing expires.
    pub(crate) fn age_by(&mut self, ticks: i8) {
        let ages = [&mut self.rotated, &mut self.delivered, &mut self.confirmed];
        for age in ages.into_iter().flatten() {
            *age = aged(*age, ticks);
        }
        if ticks > 0 {
            run_down(&mut self.expires);
            run_down(&mut self.ends);
        }
    }
}

pub(crate) fn aged(age: i8, ticks: i8) -> i8 {
    (age + ticks).clamp(NEWEST, OLDEST)
}

pub(crate) fn run_down(left: &mut u8) {
    if *left != FAR {
        *left = left.saturating_sub(1);
    }
}

fn ago(ticks: i8) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - i64::from(ticks) * TICK)
}

pub(crate) fn ahead(ticks: u8) -> Timestamp {
    NOW + Duration::from_millis(u64::from(ticks) * TICK as u64)
}

fn age(time: Timestamp) -> i8 {
    (NOW.millis_since(time) / TICK).clamp(NEWEST.into(), OLDEST.into()) as i8
}

fn left(time: Timestamp) -> u8 {
    (time.millis_since(NOW) / TICK).clamp(0, FAR.into()) as u8
}

/// The rows of the decision table that a history can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableRow {
    /// Row 1, and what no bounds reach.
    Unknown,
    /// Row 2.
    Forged,
    /// Row 3.
    Revoked,
    /// Row 4.
    Expired,
    /// Row 5.
    Current,
    /// Row 6.
    Rotate,
    /// Row 7.
    Neighbour,
    /// Row 8.
    Late,
    /// Row 9, where the successor was confirmed long ago.
    ReuseConfirmed,
    /// Row 9, where the budget was spent.
    ReuseBudget,
    /// Row 10.
    ReuseOlder,
    /// Row 11.
    Restore,
}

impl TableRow {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Forged,
        Self::Revoked,
        Self::Expired,
        Self::Current,
        Self::Rotate,
        Self::Neighbour,
        Self::Late,
        Self::ReuseConfirmed,
        Self::ReuseBudget,
        Self::ReuseOlder,
        Self::Restore,
    ];

    pub(crate) fn of(verdict: RefreshVerdict) -> Self {
        use tower_bearer::session::Refusal;
        match verdict {
            RefreshVerdict::Refused(Refusal::Forged) => Self::Forged,
            RefreshVerdict::Refused(Refusal::Revoked) => Self::Revoked,
            RefreshVerdict::Refused(Refusal::Expired) => Self::Expired,
            RefreshVerdict::Current => Self::Current,
            RefreshVerdict::Rotate => Self::Rotate,
            RefreshVerdict::Neighbour => Self::Neighbour,
            RefreshVerdict::Late => Self::Late,
            RefreshVerdict::Reuse(Reuse::Confirmed) => Self::ReuseConfirmed,
            RefreshVerdict::Reuse(Reuse::BudgetSpent) => Self::ReuseBudget,
            RefreshVerdict::Reuse(_) => Self::ReuseOlder,
            RefreshVerdict::Restore => Self::Restore,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn is_accepted(self) -> bool {
        matches!(
            self,
            Self::Current | Self::Rotate | Self::Neighbour | Self::Late | Self::Restore
        )
    }

    pub(crate) fn is_reuse(self) -> bool {
        matches!(
            self,
            Self::ReuseConfirmed | Self::ReuseBudget | Self::ReuseOlder
        )
    }
}
