//! Sessions that are bound to a key: rows 12 to 14, and what the other rows are to them.

use tower_bearer::{
    claims::KeyThumbprint,
    session::{Possession, RefreshVerdict, Refusal, Reuse},
};

use super::mutant::{
    BOUND, BOUND_CLOCK, BOUND_FAILOVER, BOUND_LATER, BOUND_LIFETIMES, BOUND_STRICT, LATER_FAILOVER,
    Mutant, SELDOM, acts, decides, instead, then, with, writes,
};
use crate::{
    claims::{
        BOUND_FOR_EVER, CONSTANT_COST, COPIES_GO_ON, ENDED_IS_FINAL, EXPIRED_DOES_NOTHING,
        FORGED_DOES_NOTHING, FORKLESS, LIFETIMES_NEVER_GROW, NOTHING_WITHOUT_KEY,
    },
    rules::{Fault, Question},
};

pub(super) const ALL: &[Mutant] = &[
    decides(
        "bound, row 2: who has the key may forge",
        BOUND_LIFETIMES,
        FORGED_DOES_NOTHING,
        with!(|asked| {
            asked.token.is_genuine = true;
            asked.token.possession = Possession::Proven;
        }),
    ),
    decides(
        "bound, row 3: who has the key goes on after the end",
        BOUND_FAILOVER,
        ENDED_IS_FINAL,
        with!(|asked| if asked.proves() {
            asked.record.state.ended = None;
        }),
    ),
    decides(
        "bound, row 4: the lifetimes are not looked at",
        BOUND_LIFETIMES,
        EXPIRED_DOES_NOTHING,
        with!(|asked| if asked.proves() {
            asked.record.state.expires_at = asked.now + asked.policy.idle_lifetime;
        }),
    ),
    decides(
        "bound, row 4: a passed token dies of its own exp",
        BOUND_LIFETIMES,
        COPIES_GO_ON,
        |asked| match asked.decide() {
            RefreshVerdict::Overtaken if asked.now >= asked.token.exp => {
                RefreshVerdict::Refused(Refusal::Expired)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 12: served without the proof",
        BOUND,
        NOTHING_WITHOUT_KEY,
        with!(|asked| if asked.is_bound() {
            asked.token.possession = Possession::Proven;
        }),
    ),
    decides(
        "row 12: only the live token needs the proof",
        BOUND,
        NOTHING_WITHOUT_KEY,
        with!(|asked| if asked.is_bound() && !asked.presents_live() {
            asked.token.possession = Possession::Proven;
        }),
    ),
    decides(
        "row 12: a missing proof ends the session",
        BOUND,
        NOTHING_WITHOUT_KEY,
        instead!(RefreshVerdict::Refused(Refusal::Unproven) => RefreshVerdict::Reuse(Reuse::Older)),
    ),
    decides(
        "row 12: a missing proof ends the session, so the thief logs the copies out",
        BOUND,
        COPIES_GO_ON,
        instead!(RefreshVerdict::Refused(Refusal::Unproven) => RefreshVerdict::Reuse(Reuse::Older)),
    ),
    writes(
        "row 12: a missing proof is noted in the row",
        BOUND,
        NOTHING_WITHOUT_KEY,
        |asked, verdict| match verdict {
            RefreshVerdict::Refused(Refusal::Unproven) => {
                let mut next = asked.record.state.clone();
                next.late |= 1;
                Some(next)
            }
            verdict => asked.apply(verdict),
        },
    ),
    decides(
        "row 12: a token from before the binding needs no proof",
        BOUND_LATER,
        NOTHING_WITHOUT_KEY,
        with!(|asked| if asked.token.possession == Possession::Unbound {
            asked.record.state.bound_to = None;
        }),
    ),
    decides(
        "row 12: only the row can name the key",
        LATER_FAILOVER,
        NOTHING_WITHOUT_KEY,
        with!(|asked| if asked.record.state.bound_to.is_none() {
            asked.token.possession = Possession::Unbound;
        }),
    ),
    decides(
        "row 12: only the row can name the key, so a lost binding logs copies out",
        LATER_FAILOVER,
        COPIES_GO_ON,
        with!(|asked| if asked.record.state.bound_to.is_none() {
            asked.token.possession = Possession::Unbound;
        }),
    ),
    decides(
        "row 13: left out, the live token always rotates",
        BOUND,
        CONSTANT_COST,
        instead!(RefreshVerdict::Current => RefreshVerdict::Rotate),
    ),
    decides(
        "row 13: rotate_bound_after is not looked at",
        SELDOM,
        CONSTANT_COST,
        with!(|asked| asked.policy.rotate_bound_after = std::time::Duration::ZERO),
    ),
    decides(
        "row 13: twice rotate_bound_after",
        SELDOM,
        COPIES_GO_ON,
        with!(|asked| asked.policy.rotate_bound_after *= 2),
    ),
    decides(
        "row 13: as short as row 7",
        BOUND,
        CONSTANT_COST,
        with!(|asked| if asked.proves() {
            asked.policy.reuse_window /= 2;
        }),
    ),
    decides(
        "row 13: for ever",
        BOUND,
        COPIES_GO_ON,
        |asked| match asked.decide() {
            RefreshVerdict::Rotate if asked.proves() && asked.token.generation > 0 => {
                RefreshVerdict::Current
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 13: also for a clock that is far behind the delivery",
        BOUND_CLOCK,
        COPIES_GO_ON,
        with!(|asked| if asked.proves() {
            let delivered_at = asked.record.state.delivered_at;
            asked.record.state.delivered_at = delivered_at.map(|it| it.min(asked.now));
        }),
    ),
    writes(
        "row 13: moves delivered_at",
        BOUND,
        COPIES_GO_ON,
        then!(Current, |next, asked| next.delivered_at = Some(asked.now)),
    ),
    writes(
        "row 13: writes each time",
        BOUND,
        CONSTANT_COST,
        then!(Current, |next, asked| next.confirmed_at = Some(asked.now)),
    ),
    writes(
        "row 13: renews the lifetime",
        BOUND_LIFETIMES,
        LIFETIMES_NEVER_GROW,
        then!(Current, |next, asked| next.expires_at = asked
            .record
            .session
            .ends_at
            .min(asked.now + asked.policy.idle_lifetime)),
    ),
    decides(
        "row 14: left out, a passed token is reuse",
        BOUND,
        COPIES_GO_ON,
        instead!(RefreshVerdict::Overtaken => RefreshVerdict::Reuse(Reuse::Older)),
    ),
    decides(
        "row 14: left out, a passed token is refused",
        BOUND,
        COPIES_GO_ON,
        instead!(RefreshVerdict::Overtaken => RefreshVerdict::Refused(Refusal::Reused)),
    ),
    decides(
        "row 14: for the predecessor only",
        BOUND,
        COPIES_GO_ON,
        |asked| match asked.decide() {
            RefreshVerdict::Overtaken
                if asked.token.generation + 1 < asked.record.state.generation =>
            {
                RefreshVerdict::Reuse(Reuse::Older)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 14: goes by the rows of sessions without a key",
        BOUND,
        COPIES_GO_ON,
        |asked| match asked.decide() {
            RefreshVerdict::Overtaken => unbound(asked),
            verdict => verdict,
        },
    ),
    decides(
        "row 14: strict rotation counts",
        BOUND_STRICT,
        COPIES_GO_ON,
        |asked| match asked.decide() {
            RefreshVerdict::Overtaken if asked.policy.strict => {
                RefreshVerdict::Reuse(Reuse::Strict)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 14: spends the late budget",
        BOUND,
        CONSTANT_COST,
        instead!(RefreshVerdict::Overtaken => RefreshVerdict::Late),
    ),
    writes(
        "row 14: moves delivered_at",
        BOUND,
        CONSTANT_COST,
        then!(Overtaken, |next, asked| next.delivered_at = Some(asked.now)),
    ),
    writes(
        "row 14: takes back the confirmation",
        BOUND,
        CONSTANT_COST,
        then!(Overtaken, |next, _| next.confirmed_at = None),
    ),
    decides(
        "row 14: rotates, so each copy gets a successor of its own",
        BOUND,
        FORKLESS,
        instead!(RefreshVerdict::Overtaken => RefreshVerdict::Rotate),
    ),
    acts(
        "row 14: hands out the token that was presented",
        BOUND,
        FORKLESS,
        Fault::AnswersWithPresented,
    ),
    decides(
        "bound, row 11: needs no proof",
        BOUND_FAILOVER,
        NOTHING_WITHOUT_KEY,
        with!(
            |asked| if asked.token.generation > asked.record.state.generation {
                asked.token.possession = Possession::Proven;
            }
        ),
    ),
    decides(
        "bound, row 11: a copy ahead of the store is refused",
        BOUND_FAILOVER,
        COPIES_GO_ON,
        instead!(RefreshVerdict::Restore => RefreshVerdict::Refused(Refusal::Unknown)),
    ),
    writes(
        "binding: dropped by a rotation",
        BOUND,
        BOUND_FOR_EVER,
        then!(Rotate, |next, _| next.bound_to = None),
    ),
    writes(
        "binding: dropped by row 13",
        BOUND,
        BOUND_FOR_EVER,
        then!(Current, |next, _| next.bound_to = None),
    ),
    writes(
        "binding: dropped by row 11",
        BOUND_FAILOVER,
        BOUND_FOR_EVER,
        then!(Restore, |next, _| next.bound_to = None),
    ),
    writes(
        "binding: changed by a rotation",
        BOUND,
        BOUND_FOR_EVER,
        then!(Rotate, |next, _| next.bound_to =
            Some(KeyThumbprint::from_bytes([2; 32]))),
    ),
    acts(
        "binding: a second one replaces the first",
        BOUND_LATER,
        BOUND_FOR_EVER,
        Fault::BindsAgain,
    ),
    acts(
        "binding: stays lost though the token names the key",
        LATER_FAILOVER,
        BOUND_FOR_EVER,
        Fault::BindingStaysLost,
    ),
    acts(
        "binding: comes back only where something else is written (fault of a draft)",
        LATER_FAILOVER,
        BOUND_FOR_EVER,
        Fault::BindingWaitsForWrite,
    ),
];

/// What the decision would be if no key were named.
fn unbound(asked: &Question) -> RefreshVerdict {
    let mut asked = asked.clone();
    asked.record.state.bound_to = None;
    asked.token.possession = Possession::Unbound;
    asked.decide()
}
