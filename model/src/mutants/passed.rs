//! Rows 7 to 10.

use super::*;

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 7: left out",
        TABS,
        LOGOUT,
        |record, token, now, policy| match decide(record, token, now, policy) {
            RefreshVerdict::Neighbour if record.state.confirmed_at.is_some() => {
                RefreshVerdict::Reuse(Reuse::Confirmed)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 7: rotates, so each tab gets a successor of its own",
        TABS,
        FORK,
        instead!(RefreshVerdict::Neighbour => RefreshVerdict::Rotate),
    ),
    writes(
        "row 7: moves delivered_at (fault of a draft)",
        THIEF,
        THEFT,
        then!(Neighbour, |next, _before, now, _token| next.delivered_at =
            Some(now)),
    ),
    writes(
        "row 7: writes",
        TABS,
        COST,
        then!(Neighbour, |next, _before, _now, _token| next.late |= 1),
    ),
    decides(
        "row 7: also for a clock that is far behind the delivery",
        FAR_CLOCK,
        THEFT,
        with!(|record, _token, now, _policy| {
            record.state.delivered_at = record
                .state
                .delivered_at
                .map(|delivered| delivered.min(now))
        }),
    ),
    decides(
        "row 7: not for a clock that is a little behind",
        CLOCK,
        LOGOUT,
        with!(
            |record, _token, now, policy| if record.state.delivered_at > Some(now) {
                record.state.delivered_at = Some(now - policy.reuse_window * 9)
            }
        ),
    ),
    decides(
        "row 8: left out",
        TABS,
        LOGOUT,
        instead!(RefreshVerdict::Late => RefreshVerdict::Reuse(Reuse::BudgetSpent)),
    ),
    decides(
        "row 8: not once the successor is confirmed (fault of a draft)",
        REQUESTS,
        LOGOUT,
        with!(|record, _token, now, policy| {
            let long_ago = now - policy.reuse_window * 9;
            record.state.confirmed_at = record.state.confirmed_at.map(|_| long_ago);
        }),
    ),
    decides(
        "row 8: for twice the window after the confirmation",
        THIEF,
        THEFT,
        with!(|record, _token, now, policy| {
            let limit = policy.reuse_window * 2;
            record.state.confirmed_at = record
                .state
                .confirmed_at
                .filter(|confirmed| now.saturating_since(*confirmed) > limit);
        }),
    ),
    decides(
        "row 8: for ever after the confirmation",
        THIEF,
        THEFT,
        with!(|record, _token, _now, _policy| record.state.confirmed_at = None),
    ),
    decides(
        "row 8: without a budget after the confirmation",
        THIEF,
        THEFT,
        |record, token, now, policy| match decide(record, token, now, policy) {
            RefreshVerdict::Reuse(Reuse::BudgetSpent) if record.state.confirmed_at.is_some() => {
                RefreshVerdict::Late
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 8: also for a clock that is far behind the confirmation",
        FAR_CLOCK,
        THEFT,
        with!(|record, _token, now, _policy| {
            record.state.confirmed_at = record
                .state
                .confirmed_at
                .map(|confirmed| confirmed.min(now))
        }),
    ),
    decides(
        "row 8: not for a clock that is a little behind the confirmation",
        CLOCK,
        LOGOUT,
        with!(
            |record, _token, now, policy| if record.state.confirmed_at > Some(now) {
                record.state.confirmed_at = Some(now - policy.reuse_window * 9)
            }
        ),
    ),
    decides(
        "row 8: without a budget (fault of a draft)",
        THIEF,
        THEFT,
        instead!(RefreshVerdict::Reuse(Reuse::BudgetSpent) => RefreshVerdict::Late),
    ),
    writes(
        "row 8: is not noted in late",
        THIEF,
        THEFT,
        then!(Late, |next, before, _now, _token| next.late =
            before.state.late),
    ),
    decides(
        "row 8: the current generation counts against the budget",
        TABS,
        LOGOUT,
        |record, token, now, policy| match decide(record, token, now, policy) {
            RefreshVerdict::Late if record.state.late & 1 == 1 => {
                RefreshVerdict::Reuse(Reuse::BudgetSpent)
            }
            verdict => verdict,
        },
    ),
    writes(
        "row 8: delivered_at stays",
        TABS,
        LOGOUT,
        then!(Late, |next, before, _now, _token| next.delivered_at =
            before.state.delivered_at),
    ),
    writes(
        "row 8: renews the lifetime",
        LIFETIMES,
        GROWS,
        |verdict, record, token, now, policy| {
            also(
                verdict,
                record,
                token,
                now,
                policy,
                RefreshVerdict::Late,
                |next| next.expires_at = record.session.ends_at.min(now + policy.idle_lifetime),
            )
        },
    ),
    writes(
        "row 8: is a rotation of its own, with new dates",
        TABS,
        FORK,
        then!(Late, |next, _before, now, _token| next.rotated_at =
            Some(now)),
    ),
    decides(
        "row 9: the confirmed predecessor is only refused",
        THIEF,
        THEFT,
        instead!(RefreshVerdict::Reuse(Reuse::Confirmed) => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: a spent budget only refuses",
        THIEF,
        THEFT,
        instead!(RefreshVerdict::Reuse(Reuse::BudgetSpent) => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: the predecessor is always served",
        THIEF,
        THEFT,
        instead!(RefreshVerdict::Reuse(Reuse::Confirmed | Reuse::BudgetSpent) => RefreshVerdict::Neighbour),
    ),
    decides(
        "row 10: an older token is only refused",
        THIEF,
        THEFT,
        instead!(RefreshVerdict::Reuse(Reuse::Older) => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 10: an older token is served",
        THIEF,
        THEFT,
        instead!(RefreshVerdict::Reuse(Reuse::Older) => RefreshVerdict::Neighbour),
    ),
];
