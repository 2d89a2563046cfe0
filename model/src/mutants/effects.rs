//! Row 11, and the effects.

use tower_bearer::session::{RefreshVerdict, Refusal, Reuse};

use super::mutant::{
    FAILOVER, LIFETIMES_FAILOVER, LOGS_OUT, Mutant, RENDERING, TABS, THIEF, THIEF_FAILOVER,
    THREE_CALLS, acts, decides, instead, then, writes,
};
use crate::{
    bounds::Confirms,
    claims::{
        CONSTANT_COST, ENDED_IS_FINAL, FORKLESS, HONEST_GO_ON, LIFETIMES_NEVER_GROW,
        NO_FALSE_LOGOUT, THEFT_IS_SEEN,
    },
    rules::{Fault, Rules},
};

pub(super) const ALL: &[Mutant] = &[
    decides(
        "row 11: a token ahead of the store is refused",
        FAILOVER,
        HONEST_GO_ON,
        instead!(RefreshVerdict::Restore => RefreshVerdict::Refused(Refusal::Unknown)),
    ),
    decides(
        "row 11: a token ahead of the store revokes",
        FAILOVER,
        NO_FALSE_LOGOUT,
        instead!(RefreshVerdict::Restore => RefreshVerdict::Reuse(Reuse::Older)),
    ),
    writes(
        "row 11: rotates (fault of a draft)",
        FAILOVER,
        NO_FALSE_LOGOUT,
        then!(Restore, |next, asked| next.generation =
            asked.token.generation + 1),
    ),
    writes(
        "row 11: opens no window",
        FAILOVER,
        NO_FALSE_LOGOUT,
        then!(Restore, |next, asked| next.delivered_at =
            asked.record.state.delivered_at),
    ),
    writes(
        "row 11: does not confirm",
        THIEF_FAILOVER,
        THEFT_IS_SEEN,
        then!(Restore, |next, _| next.confirmed_at = None),
    ),
    writes(
        "row 11: renews the lifetime",
        LIFETIMES_FAILOVER,
        LIFETIMES_NEVER_GROW,
        then!(Restore, |next, asked| next.expires_at =
            asked.record.session.ends_at),
    ),
    acts(
        "swap: does not compare versions",
        TABS,
        FORKLESS,
        Fault::SwapIgnoresVersion,
    ),
    acts(
        "swap: writes over a revocation",
        LOGS_OUT,
        ENDED_IS_FINAL,
        Fault::SwapIgnoresRevoked,
    ),
    acts(
        "swap: a version is one more than the last",
        THREE_CALLS,
        NO_FALSE_LOGOUT,
        Fault::VersionsCount,
    ),
    acts(
        "swap: one that lost refuses the token",
        TABS,
        NO_FALSE_LOGOUT,
        Fault::LostSwapRefuses,
    ),
    acts(
        "effects: the answer goes out before the swap",
        TABS,
        FORKLESS,
        Fault::AnswerBeforeSwap,
    ),
    writes(
        "effects: reuse is told and not written (danger_refuse_without_ending)",
        THIEF,
        THEFT_IS_SEEN,
        |asked, verdict| {
            let mut changed = asked.clone();
            changed.policy.end_on_reuse = false;
            changed.apply(verdict)
        },
    ),
    acts(
        "confirm: whatever the generation",
        TABS,
        NO_FALSE_LOGOUT,
        Fault::ConfirmAnyGeneration,
    ),
    acts(
        "confirm: written again",
        TABS,
        CONSTANT_COST,
        Fault::ConfirmAgain,
    ),
    Mutant {
        name: "confirm_by: AccessToken on a server that renders",
        bounds: RENDERING,
        fails: NO_FALSE_LOGOUT,
        rules: Rules::REAL,
        change: |bounds| bounds.confirms = Confirms::BeforeDelivery,
    },
];
