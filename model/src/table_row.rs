//! The rows of the decision table, by which the model tells verdicts apart.

use tower_bearer::session::{RefreshVerdict, Refusal, Reuse};

/// The rows of the decision table that a history can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableRow {
    /// Row 1, and what no bounds reach.
    Unknown,
    /// Row 2.
    Forged,
    /// Row 3.
    Ended,
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
    /// Row 9, under strict rotation.
    ReuseStrict,
    /// Row 10.
    ReuseOlder,
    /// Row 11.
    Restore,
}

impl TableRow {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Unknown,
        Self::Forged,
        Self::Ended,
        Self::Expired,
        Self::Current,
        Self::Rotate,
        Self::Neighbour,
        Self::Late,
        Self::ReuseConfirmed,
        Self::ReuseBudget,
        Self::ReuseStrict,
        Self::ReuseOlder,
        Self::Restore,
    ];

    pub(crate) fn of(verdict: RefreshVerdict) -> Self {
        match verdict {
            RefreshVerdict::Refused(Refusal::Forged) => Self::Forged,
            RefreshVerdict::Refused(Refusal::Ended) => Self::Ended,
            RefreshVerdict::Refused(Refusal::Expired) => Self::Expired,
            RefreshVerdict::Current => Self::Current,
            RefreshVerdict::Rotate => Self::Rotate,
            RefreshVerdict::Neighbour => Self::Neighbour,
            RefreshVerdict::Late => Self::Late,
            RefreshVerdict::Reuse(Reuse::Confirmed) => Self::ReuseConfirmed,
            RefreshVerdict::Reuse(Reuse::BudgetSpent) => Self::ReuseBudget,
            RefreshVerdict::Reuse(Reuse::Strict) => Self::ReuseStrict,
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
            Self::ReuseConfirmed | Self::ReuseBudget | Self::ReuseStrict | Self::ReuseOlder
        )
    }
}
