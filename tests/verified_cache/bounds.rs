use std::time::Duration;

use tower_bearer::{CacheLimits, VerifiedToken};

use crate::support::{LIFETIME, World, is_remembered, world};

fn limited(change: impl FnOnce(CacheLimits) -> CacheLimits) -> World {
    let mut world = world();
    world.verifier = world.verifier.cache(change(CacheLimits::default()));
    world
}

/// Tokens that were accepted one after the other.
fn accepted(world: &World, count: usize) -> Vec<(String, VerifiedToken)> {
    (0..count)
        .map(|number| {
            let token = world.token(&format!("user {number}"));
            let verified = world.accept(&token);
            (token, verified)
        })
        .collect()
}

/// How many of them are remembered still. What is not comes in anew, but counts for nothing.
fn remembered(world: &World, accepted: &[(String, VerifiedToken)]) -> usize {
    accepted
        .iter()
        .rev()
        .filter(|(token, verified)| is_remembered(verified, &world.accept(token)))
        .count()
}

#[test]
fn tokens_are_remembered_by_default() {
    let world = world();
    let accepted = accepted(&world, 2_000);
    assert_eq!(remembered(&world, &accepted), 2_000);
}

#[test]
fn no_more_entries_are_kept_than_allowed() {
    for entries in [0, 1, 10, 1_100] {
        let world = limited(|limits| limits.entries(entries));
        let accepted = accepted(&world, entries + 50);
        let remembered = remembered(&world, &accepted);
        assert!(remembered <= entries, "{remembered} of {entries}");
        // The last one always is there; of several parts one may be full before the others.
        assert!(remembered >= entries / 2, "{remembered} of {entries}");
    }
}

#[test]
fn no_more_bytes_are_kept_than_allowed() {
    let world = limited(|limits| limits.entries(500).bytes(16 * 1024));
    let short = accepted(&world, 100);
    let count = remembered(&world, &short);
    let of_tokens = short[0].0.len();
    assert!(count > 5 && count * of_tokens < 16 * 1024, "{count}");

    let long = world.token_with(&"x".repeat(4_000), |_| {});
    // All others have just been used, and may each be spared once.
    world.accept(&long);
    let first = world.accept(&long);
    assert!(is_remembered(&first, &world.accept(&long)));
    assert!(remembered(&world, &short) < 5, "it took the room");

    let world = limited(|limits| limits.bytes(64 * 1024));
    let long = world.token_with(&"x".repeat(4_000), |_| {});
    let first = world.accept(&long);
    assert!(
        is_remembered(&first, &world.accept(&long)),
        "few bytes are in one place"
    );

    let world = limited(|limits| limits.bytes(100));
    assert_eq!(remembered(&world, &accepted(&world, 3)), 0, "none fits");
}

#[test]
fn what_is_asked_for_outlasts_what_is_not() {
    let world = limited(|limits| limits.entries(20));
    let busy = world.token("busy");
    let first = world.accept(&busy);
    for number in 0..200 {
        world.accept(&world.token(&format!("passer-by {number}")));
        assert!(is_remembered(&first, &world.accept(&busy)), "{number}");
    }
}

/// Their place is free for others, so that a cache which is full of them serves all the same.
#[test]
fn expired_tokens_make_room() {
    let world = limited(|limits| limits.entries(20));
    accepted(&world, 20);
    world.clock.advance(LIFETIME + Duration::from_secs(1));
    let later = accepted(&world, 20);
    assert_eq!(remembered(&world, &later), 20);
}

#[test]
fn it_can_be_switched_off() {
    let mut world = world();
    world.verifier = world.verifier.without_cache();
    let accepted = accepted(&world, 5);
    assert_eq!(remembered(&world, &accepted), 0);
}
