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
    /// Row 12.
    Unproven,
    /// Row 13.
    Kept,
    /// Row 14.
    Overtaken,
}

impl TableRow {
    /// All of them.
    pub const ALL: [Self; 16] = [
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
        Self::Unproven,
        Self::Kept,
        Self::Overtaken,
    ];

    /// The row of a verdict. Row 13 gives the verdict of row 5, on a session that is bound.
    pub(crate) fn of(verdict: RefreshVerdict, is_bound: bool) -> Self {
        match verdict {
            RefreshVerdict::Current if is_bound => Self::Kept,
            RefreshVerdict::Refused(Refusal::Forged) => Self::Forged,
            RefreshVerdict::Refused(Refusal::Ended) => Self::Ended,
            RefreshVerdict::Refused(Refusal::Expired) => Self::Expired,
            RefreshVerdict::Refused(Refusal::Unproven) => Self::Unproven,
            RefreshVerdict::Current => Self::Current,
            RefreshVerdict::Rotate => Self::Rotate,
            RefreshVerdict::Neighbour => Self::Neighbour,
            RefreshVerdict::Late => Self::Late,
            RefreshVerdict::Reuse(Reuse::Confirmed) => Self::ReuseConfirmed,
            RefreshVerdict::Reuse(Reuse::BudgetSpent) => Self::ReuseBudget,
            RefreshVerdict::Reuse(Reuse::Strict) => Self::ReuseStrict,
            RefreshVerdict::Reuse(_) => Self::ReuseOlder,
            RefreshVerdict::Restore => Self::Restore,
            RefreshVerdict::Overtaken => Self::Overtaken,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn is_accepted(self) -> bool {
        matches!(
            self,
            Self::Current
                | Self::Rotate
                | Self::Neighbour
                | Self::Late
                | Self::Restore
                | Self::Kept
                | Self::Overtaken
        )
    }

    pub(crate) fn is_reuse(self) -> bool {
        matches!(
            self,
            Self::ReuseConfirmed | Self::ReuseBudget | Self::ReuseStrict | Self::ReuseOlder
        )
    }
}
