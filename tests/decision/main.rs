//! Every row of the decision table, at its boundaries, and what each writes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod clock;
mod live;
mod passed;
mod refused;

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{
        Policy, Presented, Refusal, Reuse, RevokeReason, Revoked, Session, SessionSecret, Verdict,
        decide,
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
fn session() -> Session {
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
    let secret = SessionSecret::from_bytes([9; 32]);
    let created = delivered() - Duration::from_secs(10 * DAY as u64);
    let mut session = Session::new(id, "https://id.example", "anna", secret, created);
    session.generation = 7;
    session.rotated_at = Some(delivered());
    session.delivered_at = Some(delivered());
    session.expires_at = after(30 * DAY * 1000);
    session.ends_at = after(50 * DAY * 1000);
    session.version = 21;
    session
}

fn with(change: impl FnOnce(&mut Session)) -> Session {
    let mut session = session();
    change(&mut session);
    session
}

fn token(session: &Session, generation: u32) -> Presented {
    Presented::genuine(session, generation, session.expires_at)
}

#[track_caller]
fn verdict(session: &Session, generation: u32, now: Timestamp) -> Verdict {
    decide(session, token(session, generation), now, &Policy::default())
}

#[track_caller]
fn written(session: &Session, generation: u32, now: Timestamp) -> Option<Session> {
    let (token, policy) = (token(session, generation), Policy::default());
    decide(session, token, now, &policy).apply(session, token, now, &policy)
}

/// A session whose live token was confirmed as it was delivered.
fn confirmed() -> Session {
    with(|session| session.confirmed_at = Some(delivered()))
}

/// Asserts that nothing but what `change` does was written.
#[track_caller]
fn writes(session: &Session, generation: u32, now: Timestamp, change: impl FnOnce(&mut Session)) {
    let mut expected = session.clone();
    expected.version = now.as_millis().unsigned_abs();
    expected.last_refreshed_at = Some(now);
    change(&mut expected);
    let written = written(session, generation, now).expect("a write");
    assert!(written == expected, "{written:?} is not {expected:?}");
}

#[track_caller]
fn writes_nothing(session: &Session, generation: u32, now: Timestamp) {
    assert!(written(session, generation, now).is_none());
}
