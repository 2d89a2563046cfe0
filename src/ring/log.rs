//! What the log says of a ring.

use super::{KeyRingError, document::Document, series::RingKey};
use crate::trace;

/// Tells which keys are new, and which are gone.
pub(super) fn changes(name: &str, before: &Document, after: &Document) {
    let series = [
        ("access", &before.access, &after.access),
        ("refresh", &before.refresh, &after.refresh),
    ];
    for (purpose, before, after) in series {
        for key in after.keys() {
            if before.key(key.key.kid()).is_none() {
                made(name, purpose, key);
            }
        }
        for key in before.keys() {
            if after.key(key.key.kid()).is_none() {
                gone(name, purpose, key);
            }
        }
    }
}

fn made(_name: &str, _purpose: &str, _key: &RingKey) {
    trace::info!(
        ring = _name,
        purpose = _purpose,
        kid = _key.key.kid(),
        algorithm = %_key.key.algorithm(),
        signs_from = _key.times.signs_from.as_secs(),
        "a key has come into the ring"
    );
}

fn gone(_name: &str, _purpose: &str, _key: &RingKey) {
    trace::info!(
        ring = _name,
        purpose = _purpose,
        kid = _key.key.kid(),
        "a key has left the ring"
    );
}

/// The ring can be read again.
pub(super) fn recovered(_name: &str) {
    trace::info!(ring = _name, "the key ring is kept up again");
}

/// The first failure of a kind in a row is an error in the log, so that an outage does not fill it.
#[cfg_attr(not(feature = "tracing"), allow(clippy::if_same_then_else))] // neither says anything
pub(super) fn failed(_name: &str, _error: &KeyRingError, is_first: bool) {
    let _error = _error as &dyn std::error::Error;
    if is_first {
        trace::error!(
            ring = _name,
            error = _error,
            "the key ring could not be kept up: this process goes on with the keys that it knows until its lease ends"
        );
    } else {
        trace::debug!(
            ring = _name,
            error = _error,
            "the key ring could still not be kept up"
        );
    }
}
