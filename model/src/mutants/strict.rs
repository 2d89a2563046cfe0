//! Strict rotation.

use tower_bearer::session::{Record, RefreshVerdict, Refusal, Reuse};

use super::mutant::{Mutant, STRICT, STRICT_LIFETIMES, decides};
use crate::{
    claims::{EXPIRED_DOES_NOTHING, THEFT_IS_SEEN},
    rules::Question,
};

pub(super) const ALL: &[Mutant] = &[
    decides(
        "strict: the predecessor is answered within the window",
        STRICT,
        THEFT_IS_SEEN,
        |asked| match lenient(asked) {
            RefreshVerdict::Neighbour => RefreshVerdict::Neighbour,
            _ => asked.decide(),
        },
    ),
    decides(
        "strict: the predecessor of an unconfirmed token is answered",
        STRICT,
        THEFT_IS_SEEN,
        |asked| match lenient(asked) {
            RefreshVerdict::Late => RefreshVerdict::Late,
            _ => asked.decide(),
        },
    ),
    decides(
        "strict: an expired predecessor revokes",
        STRICT_LIFETIMES,
        EXPIRED_DOES_NOTHING,
        |asked| match asked.decide() {
            RefreshVerdict::Refused(Refusal::Expired) if is_reuse_of_a_live_session(asked) => {
                RefreshVerdict::Reuse(Reuse::Strict)
            }
            verdict => verdict,
        },
    ),
];

/// What the decision would be without strict rotation.
fn lenient(asked: &Question) -> RefreshVerdict {
    let mut asked = asked.clone();
    asked.policy.strict = false;
    asked.decide()
}

/// Whether the token has been passed in a session whose own time is not up.
fn is_reuse_of_a_live_session(asked: &Question) -> bool {
    let Record { session, state } = &asked.record;
    let is_live = asked.now < session.ends_at && asked.now < state.expires_at;
    is_live && asked.token.generation < state.generation
}
