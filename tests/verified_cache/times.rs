use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tower_bearer::{
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    error::TokenError,
};

use crate::support::{LIFETIME, NOW, is_remembered, world};

#[test]
fn a_remembered_token_ends_at_exp_to_the_millisecond() {
    let world = world();
    let token = world.token("alice");
    let first = world.accept(&token);
    let last = NOW + LIFETIME - Duration::from_millis(1);
    world.clock.set(last);
    assert!(is_remembered(&first, &world.accept(&token)));
    world.clock.set(NOW + LIFETIME);
    for _ in 0..2 {
        let refused = world.verifier.verify(&token).unwrap_err();
        assert_eq!(refused, TokenError::Expired);
    }
    world.clock.set(last);
    assert!(world.verifier.verify(&token).is_ok(), "the clock went back");
}

#[test]
fn the_leeway_is_that_of_the_verifier() {
    let mut world = world();
    world.verifier = world.verifier.leeway(Duration::from_secs(5)).unwrap();
    let token = world.token("alice");
    let first = world.accept(&token);
    let end = NOW + LIFETIME + Duration::from_secs(5);
    world.clock.set(end - Duration::from_millis(1));
    assert!(is_remembered(&first, &world.accept(&token)));
    world.clock.set(end);
    assert_eq!(
        world.verifier.verify(&token).unwrap_err(),
        TokenError::Expired
    );
}

#[test]
fn a_clock_that_goes_back_makes_a_remembered_token_too_early() {
    let world = world();
    let nbf = NOW - Duration::from_secs(30);
    let token = world.token_with("alice", |claims| {
        claims.nbf = Some(nbf);
        claims.iat = Timestamp::from_secs(1);
    });
    let first = world.accept(&token);
    for (now, is_early) in [
        (nbf, false),
        (nbf - Duration::from_millis(1), true),
        (Timestamp::from_secs(2), true),
        (NOW, false),
    ] {
        world.clock.set(now);
        match world.verifier.verify(&token) {
            Ok(later) => assert!(!is_early && is_remembered(&first, &later)),
            Err(error) => assert_eq!((error, is_early), (TokenError::NotYetValid, true)),
        }
    }
}

#[test]
fn another_clock_is_asked_for_a_remembered_token_too() {
    let world = world();
    let token = world.token("alice");
    let first = world.accept(&token);
    let at = |now| world.verifier.verify_at(&token, now);
    assert!(is_remembered(&first, &at(NOW).unwrap()));
    assert_eq!(at(NOW + LIFETIME).unwrap_err(), TokenError::Expired);
    let early = NOW - Duration::from_secs(1);
    assert_eq!(at(early).unwrap_err(), TokenError::NotYetValid);
}

/// Its recent time is as far behind as it may be.
struct Late {
    clock: ManualClock,
    asked: AtomicUsize,
}

const BEHIND: Duration = Duration::from_millis(999);

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.clock.now()
    }

    fn recent(&self) -> Timestamp {
        self.clock.now() - BEHIND
    }
}

#[test]
fn a_remembered_token_is_good_in_time_by_a_clock_whose_tick_is_late() {
    let mut world = world();
    let clock = Arc::new(Late {
        clock: world.clock.clone(),
        asked: AtomicUsize::new(0),
    });
    world.verifier = world.verifier.clock(Arc::clone(&clock));
    let token = world.token("alice");
    let first = world.accept(&token);
    let millis = |millis| Duration::from_millis(millis);
    for (now, outcome) in [
        (NOW - millis(1), Err(TokenError::NotYetValid)),
        (NOW, Ok(())),
        (NOW + millis(1), Ok(())),
        (NOW + LIFETIME - millis(1), Ok(())),
        (NOW + LIFETIME, Err(TokenError::Expired)),
    ] {
        world.clock.set(now);
        let later = world.verifier.verify(&token);
        let remembered = later.as_ref().map(|later| is_remembered(&first, later));
        assert!(remembered.unwrap_or(true), "{now:?}");
        assert_eq!(later.map(drop), outcome, "{now:?}");
    }

    let asked = clock.asked.load(Ordering::Relaxed);
    for now in [NOW + BEHIND, NOW + LIFETIME - millis(2)] {
        world.clock.set(now);
        assert!(is_remembered(&first, &world.accept(&token)), "{now:?}");
    }
    let again = clock.asked.load(Ordering::Relaxed);
    assert_eq!(again, asked, "what is recent was enough");
}

#[test]
fn the_systems_recent_time_is_one() {
    for _ in 0..100_000 {
        let before = SystemClock.now();
        let recent = SystemClock.recent();
        let now = SystemClock.now();
        let is_recent = before - Duration::from_secs(1) < recent && recent <= now;
        // Somebody may set the clock back meanwhile.
        assert!(is_recent || now < before);
    }
}
