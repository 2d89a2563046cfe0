//! Rows 1 to 4.

use tower_bearer::session::{RefreshVerdict, Refusal, Reuse};

use super::mutant::{
    LIFETIMES, LIFETIMES_FAILOVER, LIFETIMES_THIEF, LOGS_OUT, Mutant, acts, decides, instead, with,
};
use crate::{
    claims::{
        ENDED_IS_FINAL, EXPIRED_DOES_NOTHING, FORGED_DOES_NOTHING, HONEST_GO_ON, NO_FALSE_LOGOUT,
    },
    rules::Fault,
};

pub(super) const ALL: &[Mutant] = &[
    acts(
        "row 1: a refresh creates the row that is not there",
        LIFETIMES_THIEF,
        ENDED_IS_FINAL,
        Fault::SwapCreates,
    ),
    decides(
        "row 2: the jti is not compared",
        LOGS_OUT,
        FORGED_DOES_NOTHING,
        with!(|asked| { asked.token.is_genuine = true }),
    ),
    decides(
        "row 2: a forged token revokes",
        LOGS_OUT,
        FORGED_DOES_NOTHING,
        instead!(RefreshVerdict::Refused(Refusal::Forged) => RefreshVerdict::Reuse(Reuse::Older)),
    ),
    decides(
        "row 3: leniency comes before the revocation",
        LOGS_OUT,
        ENDED_IS_FINAL,
        with!(|asked| asked.record.state.ended = None),
    ),
    decides(
        "row 4: the idle lifetime is not looked at",
        LIFETIMES,
        EXPIRED_DOES_NOTHING,
        with!(|asked| asked.record.state.expires_at = asked.record.session.ends_at),
    ),
    decides(
        "row 4: the session's end is not looked at",
        LIFETIMES,
        EXPIRED_DOES_NOTHING,
        with!(|asked| {
            let end = asked.now + asked.policy.idle_lifetime;
            if asked.record.state.expires_at == asked.record.session.ends_at {
                asked.record.state.expires_at = end;
            }
            asked.record.session.ends_at = end;
        }),
    ),
    decides(
        "row 4: the end itself still counts as alive",
        LIFETIMES,
        EXPIRED_DOES_NOTHING,
        with!(|asked| {
            let moment = std::time::Duration::from_millis(1);
            if asked.record.state.expires_at == asked.now {
                asked.record.state.expires_at = asked.now + moment;
            }
            if asked.record.session.ends_at == asked.now {
                asked.record.session.ends_at = asked.now + moment;
            }
        }),
    ),
    decides(
        "row 4: an expired older token revokes",
        LIFETIMES_THIEF,
        EXPIRED_DOES_NOTHING,
        with!(
            |asked| if asked.token.generation < asked.record.state.generation {
                asked.token.exp = asked.now + asked.policy.idle_lifetime
            }
        ),
    ),
    decides(
        "row 4: an unconfirmed predecessor dies of its own exp",
        LIFETIMES,
        HONEST_GO_ON,
        |asked| {
            if asked.token.generation < asked.record.state.generation
                && asked.now >= asked.token.exp
            {
                return RefreshVerdict::Refused(Refusal::Expired);
            }
            asked.decide()
        },
    ),
    decides(
        "row 4: comes before row 7 (fault of a draft)",
        LIFETIMES,
        HONEST_GO_ON,
        |asked| match asked.decide() {
            RefreshVerdict::Neighbour if asked.now >= asked.token.exp => {
                RefreshVerdict::Refused(Refusal::Expired)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 4: a predecessor of one just confirmed dies of its own exp",
        LIFETIMES,
        NO_FALSE_LOGOUT,
        |asked| match asked.decide() {
            RefreshVerdict::Late
                if asked.now >= asked.token.exp && asked.record.state.confirmed_at.is_some() =>
            {
                RefreshVerdict::Refused(Refusal::Expired)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 4: an expired token ahead of the store restores",
        LIFETIMES_FAILOVER,
        EXPIRED_DOES_NOTHING,
        with!(
            |asked| if asked.token.generation > asked.record.state.generation {
                asked.token.exp = asked.now + asked.policy.idle_lifetime
            }
        ),
    ),
];
