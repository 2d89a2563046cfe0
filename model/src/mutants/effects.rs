//! Row 11, and the effects.

use super::*;

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 11: a token ahead of the store is refused",
        FAILOVER,
        GOES_ON,
        instead!(RefreshVerdict::Restore => RefreshVerdict::Refused(Refusal::Unknown)),
    ),
    decides(
        "row 11: a token ahead of the store revokes",
        FAILOVER,
        LOGOUT,
        instead!(RefreshVerdict::Restore => RefreshVerdict::Reuse(Reuse::Older)),
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
            before.state.delivered_at),
    ),
    writes(
        "row 11: does not confirm",
        THIEF_FAILOVER,
        THEFT,
        then!(Restore, |next, _before, _now, _token| next.confirmed_at =
            None),
    ),
    writes(
        "row 11: renews the lifetime",
        "lifetimes, failover",
        GROWS,
        then!(Restore, |next, before, _now, _token| next.expires_at =
            before.session.ends_at),
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
        "swap: a version is one more than the last",
        THREE_CALLS,
        LOGOUT,
        Effect::VersionsCount,
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
    writes(
        "effects: reuse is told and not written (danger_refuse_without_revoking)",
        THIEF,
        THEFT,
        |verdict, record, token, now, policy| {
            let mut policy = policy.clone();
            policy.revoke_on_reuse = false;
            verdict.apply(record, token, now, &policy)
        },
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
