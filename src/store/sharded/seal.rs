//! A row that is sealed: its session is on the way to another shard, or has arrived there.
//!
//! A seal is a version out of a range that no other row has. So a swap that was decided before is lost, and
//! a server that meets the row knows that what counts is elsewhere. The sealed row keeps all of the
//! session until the copy is there, so that whoever meets it can finish the move.

use std::ops::Range;

use crate::{
    clock::Timestamp,
    store::{EndReason, Ended, Record, SessionState, StoreError, StoreErrorKind},
};

const SEALED: u64 = 1 << 62;
/// Versions are times in milliseconds, which stay below this for 285 000 years.
const LONGEST: u64 = 1 << 53;
const RANGE: Range<u64> = SEALED..SEALED + LONGEST;

/// When a row was ended whose session is elsewhere: before any session was, so that no one is told of it.
pub(super) const MOVED_AT: Timestamp = Timestamp::from_millis(0);

pub(super) fn is_sealed(state: &SessionState) -> bool {
    RANGE.contains(&state.version)
}

/// Whether the row's session is elsewhere for good, and nothing of it is left here.
pub(super) fn is_left_behind(record: &Record) -> bool {
    is_sealed(&record.state) && record.state.ended.is_some()
}

/// The state with a seal, if its version can have one.
pub(super) fn sealed(state: &SessionState) -> Option<SessionState> {
    (state.version < LONGEST).then(|| SessionState {
        version: SEALED + state.version,
        ..state.clone()
    })
}

/// The session as it was before its row was sealed.
pub(super) fn unsealed(mut record: Record) -> Record {
    if is_sealed(&record.state) {
        record.state.version -= SEALED;
    }
    record
}

/// The state of a sealed row whose session has arrived elsewhere. The row stays for a day, so that a
/// server which was not told of the change does not take the session for an unknown one.
pub(super) fn left_behind(record: &Record, now: Timestamp) -> SessionState {
    let Record { session, state } = record;
    SessionState {
        version: state.version.saturating_add(1),
        expires_at: session.ends_at.min(now + Record::KEPT_AFTER_END),
        ended: Some(Ended::new(MOVED_AT, EndReason::Moved)),
        ..state.clone()
    }
}

/// The session is at a shard that this server was not told of.
#[derive(Debug, thiserror::Error)]
#[error("the session has moved to a shard that this server does not know of")]
struct Elsewhere;

pub(super) fn elsewhere() -> StoreError {
    StoreError::with_source(StoreErrorKind::Unavailable, Elsewhere)
}
