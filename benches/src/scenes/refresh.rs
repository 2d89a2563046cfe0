//! Whole refreshes in memory, of one session that rotates each time.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tower_bearer::{
    Algorithm, Issuer, KeySet, RefreshToken, Scope, SigningKey,
    clock::{Clock, ManualClock, SystemClock},
    session::{Grant, RefreshKey, RefreshOutcome, RefreshRequest, Sessions, SessionsBuilder},
    store::MemoryStore,
};

use super::Scene;
use crate::tokens::{AUDIENCE, ISSUER, SECRET};

/// One for each algorithm that the benchmark `refresh` measures in memory.
pub fn refreshes() -> [Scene; 2] {
    [Algorithm::EdDSA, Algorithm::HS256].map(scene)
}

fn scene(algorithm: Algorithm) -> Scene {
    let clock = ManualClock::new(SystemClock.now());
    let sessions = sessions(algorithm, clock.clone());
    let grant = Grant::new("user-42")
        .scope(Scope::from_static("read write"))
        .client_id("web");
    let mut token = at_once(sessions.start(grant))
        .expect("a session")
        .refresh_token;
    Scene::new(format!("{algorithm}/refresh"), move || {
        clock.advance(Duration::from_millis(1));
        token = refresh(&sessions, &token);
    })
}

/// Sessions without a window, so that each refresh rotates.
fn sessions(algorithm: Algorithm, clock: ManualClock) -> Sessions<MemoryStore> {
    let keys = KeySet::new(SigningKey::generate(algorithm).expect("a key"));
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys).expect("both have names");
    let refresh_key = RefreshKey::from_secret(SECRET).expect("long enough");
    SessionsBuilder::new(issuer, refresh_key, MemoryStore::with_clock(clock))
        .reuse_window(Duration::ZERO)
        .build()
        .expect("good settings")
}

fn refresh(sessions: &Sessions<MemoryStore>, token: &RefreshToken) -> RefreshToken {
    let request = RefreshRequest::new(token.clone()).client_id("web");
    let refreshed = at_once(sessions.refresh(request)).expect("new tokens");
    assert_eq!(refreshed.outcome, RefreshOutcome::Rotated);
    refreshed.tokens.refresh_token
}

/// Nothing waits for a store in memory.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}
