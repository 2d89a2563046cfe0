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
        with!(|_record, token, _now, _policy| token.is_genuine = true),
    ),
    decides(
        "row 2: a forged token revokes",
        LOGS_OUT,
        FORGED,
        instead!(RefreshVerdict::Refused(Refusal::Forged) => RefreshVerdict::Reuse(Reuse::Older)),
    ),
    decides(
        "row 3: leniency comes before the revocation",
        LOGS_OUT,
        FINAL,
        with!(|record, _token, _now, _policy| record.state.revoked = None),
    ),
    decides(
        "row 4: the idle lifetime is not looked at",
        LIFETIMES,
        EXPIRED,
        with!(|record, _token, _now, _policy| record.state.expires_at = record.session.ends_at),
    ),
    decides(
        "row 4: the session's end is not looked at",
        LIFETIMES,
        EXPIRED,
        with!(|record, _token, now, policy| {
            let end = now + policy.idle_lifetime;
            if record.state.expires_at == record.session.ends_at {
                record.state.expires_at = end;
            }
            record.session.ends_at = end;
        }),
    ),
    decides(
        "row 4: the end itself still counts as alive",
        LIFETIMES,
        EXPIRED,
        with!(|record, _token, now, _policy| {
            let moment = std::time::Duration::from_millis(1);
            if record.state.expires_at == now {
                record.state.expires_at = now + moment;
            }
            if record.session.ends_at == now {
                record.session.ends_at = now + moment;
            }
        }),
    ),
    decides(
        "row 4: an expired older token revokes",
        "lifetimes, thief",
        EXPIRED,
        with!(
            |record, token, now, policy| if token.generation < record.state.generation {
                token.exp = now + policy.idle_lifetime
            }
        ),
    ),
    decides(
        "row 4: an unconfirmed predecessor dies of its own exp",
        LIFETIMES,
        GOES_ON,
        |record, token, now, policy| {
            if token.generation < record.state.generation && now >= token.exp {
                return RefreshVerdict::Refused(Refusal::Expired);
            }
            decide(record, token, now, policy)
        },
    ),
    decides(
        "row 4: comes before row 7 (fault of a draft)",
        LIFETIMES,
        GOES_ON,
        |record, token, now, policy| match decide(record, token, now, policy) {
            RefreshVerdict::Neighbour if now >= token.exp => {
                RefreshVerdict::Refused(Refusal::Expired)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 4: a predecessor of one just confirmed dies of its own exp",
        LIFETIMES,
        LOGOUT,
        |record, token, now, policy| match decide(record, token, now, policy) {
            RefreshVerdict::Late if now >= token.exp && record.state.confirmed_at.is_some() => {
                RefreshVerdict::Refused(Refusal::Expired)
            }
            verdict => verdict,
        },
    ),
    decides(
        "row 4: an expired token ahead of the store restores",
        "lifetimes, failover",
        EXPIRED,
        with!(
            |record, token, now, policy| if token.generation > record.state.generation {
                token.exp = now + policy.idle_lifetime
            }
        ),
    ),
];
