//! Rows 1 to 4.

use super::*;

pub(super) const ALL: &[Mutant] = &[
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
        "row 4: comes before row 7 (fault of a draft)",
        LIFETIMES,
        GOES_ON,
        |session, token, now, policy| match decide(session, token, now, policy) {
            Verdict::Neighbour if now >= token.exp => Verdict::Refused(Refusal::Expired),
            verdict => verdict,
        },
    ),
    decides(
        "row 4: a predecessor of one just confirmed dies of its own exp",
        LIFETIMES,
        LOGOUT,
        |session, token, now, policy| match decide(session, token, now, policy) {
            Verdict::Late if now >= token.exp && session.confirmed_at.is_some() => {
                Verdict::Refused(Refusal::Expired)
            }
            verdict => verdict,
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
];
