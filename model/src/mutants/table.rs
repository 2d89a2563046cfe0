//! Each fault, what it is tried on and what it breaks.

use super::*;

/// All of them, in the order of the table.
pub const ALL: &[Mutant] = &[
    acts(
        "row 1: a refresh creates the row that is not there",
        "lifetimes, thief",
        FINAL,
        Effect::SwapCreates,
    ),
    decides(
        "row 2: the jti is not compared",
        LOGS_OUT,
        FORGED,
        with!(|session, token, _now, _policy| {
            *token = Presented::genuine(session, token.generation, token.exp)
        }),
    ),
    decides(
        "row 2: a forged token revokes",
        LOGS_OUT,
        FORGED,
        instead!(Verdict::Refused(Refusal::Forged) => Verdict::Reuse(Reuse::Older)),
    ),
    decides(
        "row 3: leniency comes before the revocation",
        LOGS_OUT,
        FINAL,
        with!(|session, _token, _now, _policy| session.revoked = None),
    ),
    decides(
        "row 4: the idle lifetime is not looked at",
        LIFETIMES,
        EXPIRED,
        with!(|session, _token, _now, _policy| session.expires_at = session.ends_at),
    ),
    decides(
        "row 4: the session's end is not looked at",
        LIFETIMES,
        EXPIRED,
        with!(|session, _token, now, policy| {
            let end = now + policy.idle_lifetime;
            if session.expires_at == session.ends_at {
                session.expires_at = end;
            }
            session.ends_at = end;
        }),
    ),
    decides(
        "row 4: the end itself still counts as alive",
        LIFETIMES,
        EXPIRED,
        with!(|session, _token, now, _policy| {
            let moment = std::time::Duration::from_millis(1);
            if session.expires_at == now {
                session.expires_at = now + moment;
            }
            if session.ends_at == now {
                session.ends_at = now + moment;
            }
        }),
    ),
    decides(
        "row 4: an expired older token revokes",
        "lifetimes, thief",
        EXPIRED,
        with!(
            |session, token, now, policy| if token.generation < session.generation {
                token.exp = now + policy.idle_lifetime
            }
        ),
    ),
    decides(
        "row 4: an unconfirmed predecessor dies of its own exp",
        LIFETIMES,
        GOES_ON,
        |session, token, now, policy| {
            if token.generation < session.generation && now >= token.exp {
                return Verdict::Refused(Refusal::Expired);
            }
            decide(session, token, now, policy)
        },
    ),
    decides(
        "row 4: an expired token ahead of the store restores",
        "lifetimes, failover",
        EXPIRED,
        with!(
            |session, token, now, policy| if token.generation > session.generation {
                token.exp = now + policy.idle_lifetime
            }
        ),
    ),
    decides(
        "row 5: left out, the live token always rotates",
        TABS,
        LOGOUT,
        instead!(Verdict::Current => Verdict::Rotate),
    ),
    decides(
        "row 5: as short as row 7",
        COOKIES,
        GOES_ON,
        with!(
            |session, token, _now, policy| if is_live_token(session, token) {
                policy.reuse_window /= 2;
            }
        ),
    ),
    decides(
        "row 5: counts from the rotation (fault of a draft)",
        TABS,
        LOGOUT,
        with!(
            |session, token, _now, _policy| if is_live_token(session, token) {
                session.delivered_at = session.rotated_at;
            }
        ),
    ),
    writes(
        "row 5: does not confirm",
        THIEF,
        THEFT,
        |verdict, session, token, now, policy| match verdict {
            Verdict::Current => None,
            _ => verdict.apply(session, token, now, policy),
        },
    ),
    writes(
        "row 5: moves delivered_at",
        THIEF,
        THEFT,
        then!(Current, |next, _before, now, _token| next.delivered_at =
            Some(now)),
    ),
    acts(
        "row 5: sets a cookie (fault of a draft)",
        COOKIES,
        GOES_ON,
        Effect::CookieOnCurrent,
    ),
    writes(
        "row 6: the successor counts as confirmed",
        TABS,
        LOGOUT,
        then!(Rotate, |next, _before, _now, _token| next.confirmed = true),
    ),
    writes(
        "row 6: delivered_at stays",
        TABS,
        LOGOUT,
        then!(Rotate, |next, before, _now, _token| next.delivered_at =
            before.delivered_at),
    ),
    writes(
        "row 6: late is not shifted",
        THIEF,
        THEFT,
        then!(Rotate, |next, before, _now, _token| next.late = before.late),
    ),
    writes(
        "row 6: the lifetime goes beyond the session's end",
        LIFETIMES,
        GROWS,
        |verdict, session, token, now, policy| {
            also(
                verdict,
                session,
                token,
                now,
                policy,
                Verdict::Rotate,
                |next| next.expires_at = now + policy.idle_lifetime,
            )
        },
    ),
    decides(
        "row 7: left out",
        TABS,
        LOGOUT,
        |session, token, now, policy| match decide(session, token, now, policy) {
            Verdict::Neighbour if session.confirmed => Verdict::Reuse(Reuse::Confirmed),
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
        CLOCK,
        THEFT,
        with!(|session, _token, now, _policy| {
            session.delivered_at = session.delivered_at.map(|delivered| delivered.min(now))
        }),
    ),
    decides(
        "row 7: not for a clock that is a little behind",
        "clock back",
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
        "row 8: also once the successor is confirmed",
        THIEF,
        THEFT,
        instead!(Verdict::Reuse(Reuse::Confirmed) => Verdict::Late),
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
    decides(
        "row 11: a token ahead of the store is refused",
        FAILOVER,
        GOES_ON,
        instead!(Verdict::Restore => Verdict::Refused(Refusal::Unknown)),
    ),
    decides(
        "row 11: a token ahead of the store revokes",
        FAILOVER,
        LOGOUT,
        instead!(Verdict::Restore => Verdict::Reuse(Reuse::Older)),
    ),
    writes(
        "row 11: rotates (fault of a draft)",
        FAILOVER,
        LOGOUT,
        then!(Restore, |next, _before, _now, token| next.generation =
            token.generation + 1),
    ),
    writes(
        "row 11: opens no window",
        FAILOVER,
        LOGOUT,
        then!(Restore, |next, before, _now, _token| next.delivered_at =
            before.delivered_at),
    ),
    writes(
        "row 11: does not confirm",
        THIEF_FAILOVER,
        THEFT,
        then!(Restore, |next, _before, _now, _token| next.confirmed =
            false),
    ),
    writes(
        "row 11: renews the lifetime",
        "lifetimes, failover",
        GROWS,
        then!(Restore, |next, before, _now, _token| next.expires_at =
            before.ends_at),
    ),
    acts(
        "swap: does not compare versions",
        TABS,
        FORK,
        Effect::SwapIgnoresVersion,
    ),
    acts(
        "swap: writes over a revocation",
        LOGS_OUT,
        FINAL,
        Effect::SwapIgnoresRevoked,
    ),
    acts(
        "swap: one that lost refuses the token",
        TABS,
        LOGOUT,
        Effect::LostSwapRefuses,
    ),
    acts(
        "effects: the answer goes out before the swap",
        TABS,
        FORK,
        Effect::AnswerBeforeSwap,
    ),
    acts(
        "effects: reuse is told and not written",
        THIEF,
        THEFT,
        Effect::ReuseOnlyRefused,
    ),
    acts(
        "confirm: whatever the generation",
        TABS,
        LOGOUT,
        Effect::ConfirmAnyGeneration,
    ),
    acts("confirm: written again", TABS, COST, Effect::ConfirmAgain),
    Mutant {
        name: "confirm_by: AccessToken on a server that renders",
        bounds: "rendering server",
        fails: LOGOUT,
        rules: Rules::REAL,
        change: |bounds| bounds.confirms = Confirms::BeforeDelivery,
    },
];
