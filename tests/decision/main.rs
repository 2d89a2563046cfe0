//! Every row of the decision table, at its boundaries, and what each writes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bound;
mod clock;
mod live;
mod passed;
mod refused;
mod strict;

use std::time::Duration;

use tests_shared as _;
use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{
        EndReason, Ended, PresentedToken, Record, RefreshVerdict, Refusal, Reuse, RotationPolicy,
        Session, SessionSecret, SessionState, decide,
    },
};

const DAY: i64 = 24 * 60 * 60;
const WINDOW: i64 = 10_000;

/// The time of the last delivery in all cases.
fn delivered() -> Timestamp {
    Timestamp::from_secs(100 * DAY)
}

fn after(millis: i64) -> Timestamp {
    Timestamp::from_millis(delivered().as_millis() + millis)
}

/// A session of generation 7, unconfirmed, that lives for 30 days and ends in 50.
fn record() -> Record {
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
    let secret = SessionSecret::from_bytes([9; 32]);
    let created = delivered() - Duration::from_secs(10 * DAY as u64);
    let mut session = Session::new(id, "https://id.example", "anna", secret, created);
    session.ends_at = after(50 * DAY * 1000);
    let mut state = SessionState::new(after(30 * DAY * 1000));
    state.generation = 7;
    state.rotated_at = Some(delivered());
    state.delivered_at = Some(delivered());
    state.version = 21;
    Record { session, state }
}

fn with(change: impl FnOnce(&mut Record)) -> Record {
    let mut record = record();
    change(&mut record);
    record
}

fn token(record: &Record, generation: u32) -> PresentedToken {
    PresentedToken::new(generation, record.state.expires_at, true)
}

#[track_caller]
fn verdict(record: &Record, generation: u32, now: Timestamp) -> RefreshVerdict {
    decide(
        record,
        token(record, generation),
        now,
        &RotationPolicy::default(),
    )
}

#[track_caller]
fn written(record: &Record, generation: u32, now: Timestamp) -> Option<SessionState> {
    let (token, policy) = (token(record, generation), RotationPolicy::default());
    decide(record, token, now, &policy).apply(record, token, now, &policy)
}

/// A session whose live token was confirmed as it was delivered.
fn confirmed() -> Record {
    with(|record| record.state.confirmed_at = Some(delivered()))
}

/// Asserts that nothing but what `change` does was written.
#[track_caller]
fn writes(
    record: &Record,
    generation: u32,
    now: Timestamp,
    change: impl FnOnce(&mut SessionState),
) {
    let mut expected = record.state.clone();
    expected.version = now.as_millis().unsigned_abs();
    expected.last_refreshed_at = Some(now);
    change(&mut expected);
    let written = written(record, generation, now).expect("a write");
    assert!(written == expected, "{written:?} is not {expected:?}");
}

#[track_caller]
fn writes_nothing(record: &Record, generation: u32, now: Timestamp) {
    assert!(written(record, generation, now).is_none());
}
