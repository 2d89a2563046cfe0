//! Rows 7 to 10.

use super::*;

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 7: left out",
        TABS,
        LOGOUT,
        |session, token, now, policy| match decide(session, token, now, policy) {
            Verdict::Neighbour if session.confirmed_at.is_some() => {
                Verdict::Reuse(Reuse::Confirmed)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 7: rotates, so each tab gets a successor of its own",
        TABS,
        FORK,
        instead!(Verdict::Neighbour => Verdict::Rotate),
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
        with!(|session, _token, now, _policy| {
            session.delivered_at = session.delivered_at.map(|delivered| delivered.min(now))
        }),
    ),
    decides(
        "row 7: not for a clock that is a little behind",
        CLOCK,
        LOGOUT,
        with!(
            |session, _token, now, policy| if session.delivered_at > Some(now) {
                session.delivered_at = Some(now - policy.reuse_window * 9)
            }
        ),
    ),
    decides(
        "row 8: left out",
        TABS,
        LOGOUT,
        instead!(Verdict::Late => Verdict::Reuse(Reuse::BudgetSpent)),
    ),
    decides(
        "row 8: not once the successor is confirmed (fault of a draft)",
        REQUESTS,
        LOGOUT,
        with!(|session, _token, now, policy| {
            let long_ago = now - policy.reuse_window * 9;
            session.confirmed_at = session.confirmed_at.map(|_| long_ago);
        }),
    ),
    decides(
        "row 8: for twice the window after the confirmation",
        THIEF,
        THEFT,
        with!(|session, _token, now, policy| {
            let limit = policy.reuse_window * 2;
            session.confirmed_at = session
                .confirmed_at
                .filter(|confirmed| now.saturating_since(*confirmed) > limit);
        }),
    ),
    decides(
        "row 8: for ever after the confirmation",
        THIEF,
        THEFT,
        with!(|session, _token, _now, _policy| session.confirmed_at = None),
    ),
    decides(
        "row 8: without a budget after the confirmation",
        THIEF,
        THEFT,
        |session, token, now, policy| match decide(session, token, now, policy) {
            Verdict::Reuse(Reuse::BudgetSpent) if session.confirmed_at.is_some() => Verdict::Late,
            verdict => verdict,
        },
    ),
    decides(
        "row 8: also for a clock that is far behind the confirmation",
        FAR_CLOCK,
        THEFT,
        with!(|session, _token, now, _policy| {
            session.confirmed_at = session.confirmed_at.map(|confirmed| confirmed.min(now))
        }),
    ),
    decides(
        "row 8: not for a clock that is a little behind the confirmation",
        CLOCK,
        LOGOUT,
        with!(
            |session, _token, now, policy| if session.confirmed_at > Some(now) {
                session.confirmed_at = Some(now - policy.reuse_window * 9)
            }
        ),
    ),
    decides(
        "row 8: without a budget (fault of a draft)",
        THIEF,
        THEFT,
        instead!(Verdict::Reuse(Reuse::BudgetSpent) => Verdict::Late),
    ),
    writes(
        "row 8: is not noted in late",
        THIEF,
        THEFT,
        then!(Late, |next, before, _now, _token| next.late = before.late),
    ),
    decides(
        "row 8: the current generation counts against the budget",
        TABS,
        LOGOUT,
        |session, token, now, policy| match decide(session, token, now, policy) {
            Verdict::Late if session.late & 1 == 1 => Verdict::Reuse(Reuse::BudgetSpent),
            verdict => verdict,
        },
    ),
    writes(
        "row 8: delivered_at stays",
        TABS,
        LOGOUT,
        then!(Late, |next, before, _now, _token| next.delivered_at =
            before.delivered_at),
    ),
    writes(
        "row 8: renews the lifetime",
        LIFETIMES,
        GROWS,
        |verdict, session, token, now, policy| {
            also(
                verdict,
                session,
                token,
                now,
                policy,
                Verdict::Late,
                |next| next.expires_at = session.ends_at.min(now + policy.idle_lifetime),
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
        instead!(Verdict::Reuse(Reuse::Confirmed) => Verdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: a spent budget only refuses",
        THIEF,
        THEFT,
        instead!(Verdict::Reuse(Reuse::BudgetSpent) => Verdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 9: the predecessor is always served",
        THIEF,
        THEFT,
        instead!(Verdict::Reuse(Reuse::Confirmed | Reuse::BudgetSpent) => Verdict::Neighbour),
    ),
    decides(
        "row 10: an older token is only refused",
        THIEF,
        THEFT,
        instead!(Verdict::Reuse(Reuse::Older) => Verdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 10: an older token is served",
        THIEF,
        THEFT,
        instead!(Verdict::Reuse(Reuse::Older) => Verdict::Neighbour),
    ),
];
