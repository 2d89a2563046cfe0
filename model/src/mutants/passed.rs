//! Rows 7 to 10.

use tower_bearer::session::{Refusal, Reuse, Verdict};

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
            Verdict::Neighbour if asked.session.confirmed_at.is_some() => {
                Verdict::Reuse(Reuse::Confirmed)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 7: rotates, so each tab gets a successor of its own",
        TABS,
        FORKLESS,
        instead!(Verdict::Neighbour => Verdict::Rotate),
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
            asked.session.delivered_at = asked
                .session
                .delivered_at
                .map(|delivered| delivered.min(asked.now))
        }),
    ),
    decides(
        "row 7: not for a clock that is a little behind",
        CLOCK,
        NO_FALSE_LOGOUT,
        with!(|asked| if asked.session.delivered_at > Some(asked.now) {
            asked.session.delivered_at = Some(asked.now - asked.policy.reuse_window * 9)
        }),
    ),
    decides(
        "row 8: left out",
        TABS,
        NO_FALSE_LOGOUT,
        instead!(Verdict::Late => Verdict::Reuse(Reuse::BudgetSpent)),
    ),
    decides(
        "row 8: not once the successor is confirmed (fault of a draft)",
        REQUESTS,
        NO_FALSE_LOGOUT,
        with!(|asked| {
            let long_ago = asked.now - asked.policy.reuse_window * 9;
            asked.session.confirmed_at = asked.session.confirmed_at.map(|_| long_ago);
        }),
    ),
    decides(
        "row 8: for twice the window after the confirmation",
        THIEF,
        THEFT_IS_SEEN,
        with!(|asked| {
            let limit = asked.policy.reuse_window * 2;
            asked.session.confirmed_at = asked
                .session
                .confirmed_at
                .filter(|confirmed| asked.now.saturating_since(*confirmed) > limit);
        }),
    ),
    decides(
        "row 8: for ever after the confirmation",
        THIEF,
        THEFT_IS_SEEN,
        with!(|asked| asked.session.confirmed_at = None),
    ),
    decides(
        "row 8: without a budget after the confirmation",
        THIEF,
        THEFT_IS_SEEN,
        |asked| match asked.decide() {
            Verdict::Reuse(Reuse::BudgetSpent) if asked.session.confirmed_at.is_some() => {
                Verdict::Late
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 8: also for a clock that is far behind the confirmation",
        FAR_CLOCK,
        THEFT_IS_SEEN,
        with!(|asked| {
            asked.session.confirmed_at = asked
                .session
                .confirmed_at
                .map(|confirmed| confirmed.min(asked.now))
        }),
    ),
    decides(
        "row 8: not for a clock that is a little behind the confirmation",
        CLOCK,
        NO_FALSE_LOGOUT,
        with!(|asked| if asked.session.confirmed_at > Some(asked.now) {
            asked.session.confirmed_at = Some(asked.now - asked.policy.reuse_window * 9)
        }),
    ),
    decides(
        "row 8: without a budget (fault of a draft)",
        THIEF,
        THEFT_IS_SEEN,
        instead!(Verdict::Reuse(Reuse::BudgetSpent) => Verdict::Late),
    ),
    writes(
        "row 8: is not noted in late",
        THIEF,
        THEFT_IS_SEEN,
        then!(Late, |next, asked| next.late = asked.session.late),
    ),
    decides(
        "row 8: the current generation counts against the budget",
        TABS,
        NO_FALSE_LOGOUT,
        |asked| match asked.decide() {
            Verdict::Late if asked.session.late & 1 == 1 => Verdict::Reuse(Reuse::BudgetSpent),
            verdict => verdict,
        },
    ),
    writes(
        "row 8: delivered_at stays",
        TABS,
        NO_FALSE_LOGOUT,
        then!(Late, |next, asked| next.delivered_at =
            asked.session.delivered_at),
    ),
    writes(
        "row 8: renews the lifetime",
        LIFETIMES,
        LIFETIMES_NEVER_GROW,
        then!(Late, |next, asked| next.expires_at = asked
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
        instead!(Verdict::Reuse(Reuse::Confirmed) => Verdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: a spent budget only refuses",
        THIEF,
        THEFT_IS_SEEN,
        instead!(Verdict::Reuse(Reuse::BudgetSpent) => Verdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: the predecessor is always served",
        THIEF,
        THEFT_IS_SEEN,
        instead!(Verdict::Reuse(Reuse::Confirmed | Reuse::BudgetSpent) => Verdict::Neighbour),
    ),
    decides(
        "row 10: an older token is only refused",
        THIEF,
        THEFT_IS_SEEN,
        instead!(Verdict::Reuse(Reuse::Older) => Verdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 10: an older token is served",
        THIEF,
        THEFT_IS_SEEN,
        instead!(Verdict::Reuse(Reuse::Older) => Verdict::Neighbour),
    ),
];
