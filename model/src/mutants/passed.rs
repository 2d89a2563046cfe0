//! Rows 7 to 10.

use tower_bearer::session::{RefreshVerdict, Refusal, Reuse};

use super::mutant::{
    CLOCK, FAR_CLOCK, LIFETIMES, Mutant, REQUESTS, TABS, THIEF, decides, instead, then, with,
    writes,
};
use crate::claims::{
    CONSTANT_COST, FORKLESS, LIFETIMES_NEVER_GROW, NO_FALSE_LOGOUT, THEFT_IS_SEEN,
};

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 7: left out",
        TABS,
        NO_FALSE_LOGOUT,
        |asked| match asked.decide() {
            RefreshVerdict::Neighbour if asked.record.state.confirmed_at.is_some() => {
                RefreshVerdict::Reuse(Reuse::Confirmed)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 7: rotates, so each tab gets a successor of its own",
        TABS,
        FORKLESS,
        instead!(RefreshVerdict::Neighbour => RefreshVerdict::Rotate),
    ),
    writes(
        "row 7: moves delivered_at (fault of a draft)",
        THIEF,
        THEFT_IS_SEEN,
        then!(Neighbour, |next, asked| next.delivered_at = Some(asked.now)),
    ),
    writes(
        "row 7: writes",
        TABS,
        CONSTANT_COST,
        then!(Neighbour, |next, _| next.late |= 1),
    ),
    decides(
        "row 7: also for a clock that is far behind the delivery",
        FAR_CLOCK,
        THEFT_IS_SEEN,
        with!(|asked| {
            asked.record.state.delivered_at = asked
                .record
                .state
                .delivered_at
                .map(|delivered| delivered.min(asked.now))
        }),
    ),
    decides(
        "row 7: not for a clock that is a little behind",
        CLOCK,
        NO_FALSE_LOGOUT,
        with!(
            |asked| if asked.record.state.delivered_at > Some(asked.now) {
                asked.record.state.delivered_at = Some(asked.now - asked.policy.reuse_window * 9)
            }
        ),
    ),
    decides(
        "row 8: left out",
        TABS,
        NO_FALSE_LOGOUT,
        instead!(RefreshVerdict::Late => RefreshVerdict::Reuse(Reuse::BudgetSpent)),
    ),
    decides(
        "row 8: not once the successor is confirmed (fault of a draft)",
        REQUESTS,
        NO_FALSE_LOGOUT,
        with!(|asked| {
            let long_ago = asked.now - asked.policy.reuse_window * 9;
            asked.record.state.confirmed_at = asked.record.state.confirmed_at.map(|_| long_ago);
        }),
    ),
    decides(
        "row 8: for twice the window after the confirmation",
        THIEF,
        THEFT_IS_SEEN,
        with!(|asked| {
            let limit = asked.policy.reuse_window * 2;
            asked.record.state.confirmed_at = asked
                .record
                .state
                .confirmed_at
                .filter(|confirmed| asked.now.saturating_since(*confirmed) > limit);
        }),
    ),
    decides(
        "row 8: for ever after the confirmation",
        THIEF,
        THEFT_IS_SEEN,
        with!(|asked| asked.record.state.confirmed_at = None),
    ),
    decides(
        "row 8: without a budget after the confirmation",
        THIEF,
        THEFT_IS_SEEN,
        |asked| match asked.decide() {
            RefreshVerdict::Reuse(Reuse::BudgetSpent)
                if asked.record.state.confirmed_at.is_some() =>
            {
                RefreshVerdict::Late
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 8: also for a clock that is far behind the confirmation",
        FAR_CLOCK,
        THEFT_IS_SEEN,
        with!(|asked| {
            asked.record.state.confirmed_at = asked
                .record
                .state
                .confirmed_at
                .map(|confirmed| confirmed.min(asked.now))
        }),
    ),
    decides(
        "row 8: not for a clock that is a little behind the confirmation",
        CLOCK,
        NO_FALSE_LOGOUT,
        with!(
            |asked| if asked.record.state.confirmed_at > Some(asked.now) {
                asked.record.state.confirmed_at = Some(asked.now - asked.policy.reuse_window * 9)
            }
        ),
    ),
    decides(
        "row 8: without a budget (fault of a draft)",
        THIEF,
        THEFT_IS_SEEN,
        instead!(RefreshVerdict::Reuse(Reuse::BudgetSpent) => RefreshVerdict::Late),
    ),
    writes(
        "row 8: is not noted in late",
        THIEF,
        THEFT_IS_SEEN,
        then!(Late, |next, asked| next.late = asked.record.state.late),
    ),
    decides(
        "row 8: the current generation counts against the budget",
        TABS,
        NO_FALSE_LOGOUT,
        |asked| match asked.decide() {
            RefreshVerdict::Late if asked.record.state.late & 1 == 1 => {
                RefreshVerdict::Reuse(Reuse::BudgetSpent)
            }
            verdict => verdict,
        },
    ),
    writes(
        "row 8: delivered_at stays",
        TABS,
        NO_FALSE_LOGOUT,
        then!(Late, |next, asked| next.delivered_at =
            asked.record.state.delivered_at),
    ),
    writes(
        "row 8: renews the lifetime",
        LIFETIMES,
        LIFETIMES_NEVER_GROW,
        then!(Late, |next, asked| next.expires_at = asked
            .record
            .session
            .ends_at
            .min(asked.now + asked.policy.idle_lifetime)),
    ),
    writes(
        "row 8: is a rotation of its own, with new dates",
        TABS,
        FORKLESS,
        then!(Late, |next, asked| next.rotated_at = Some(asked.now)),
    ),
    decides(
        "row 9: the confirmed predecessor is only refused",
        THIEF,
        THEFT_IS_SEEN,
        instead!(RefreshVerdict::Reuse(Reuse::Confirmed) => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: a spent budget only refuses",
        THIEF,
        THEFT_IS_SEEN,
        instead!(RefreshVerdict::Reuse(Reuse::BudgetSpent) => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: the predecessor is always served",
        THIEF,
        THEFT_IS_SEEN,
        instead!(RefreshVerdict::Reuse(Reuse::Confirmed | Reuse::BudgetSpent) => RefreshVerdict::Neighbour),
    ),
    decides(
        "row 10: an older token is only refused",
        THIEF,
        THEFT_IS_SEEN,
        instead!(RefreshVerdict::Reuse(Reuse::Older) => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 10: an older token is served",
        THIEF,
        THEFT_IS_SEEN,
        instead!(RefreshVerdict::Reuse(Reuse::Older) => RefreshVerdict::Neighbour),
    ),
];
