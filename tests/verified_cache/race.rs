use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tower_bearer::{KeySet, VerifyingKeys};

use crate::support::{World, key, world, world_that_trusts};

const ROUNDS: usize = 100;
const CALLERS: usize = 3;

/// Verifications that run while the key goes may end either way. One that begins when the key is
/// gone never succeeds, not even by what those others have left behind.
#[test]
fn no_token_outlives_its_key_in_a_race() {
    let world = world();
    for round in 0..ROUNDS {
        let kid = format!("round {round}");
        world.keys.roll_over(key(&kid)).unwrap();
        let tokens: Vec<String> = (0..4).map(|n| world.token(&format!("{n}"))).collect();
        world
            .keys
            .roll_over(key(&format!("after {round}")))
            .unwrap();
        let (gone, started) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| call(&world, &tokens, &gone, &started));
            }
            while !started.load(Ordering::Acquire) {
                thread::yield_now();
            }
            assert!(world.keys.retire(&kid));
            gone.store(true, Ordering::Release);
        });
        assert!(
            world
                .keys
                .retire(&format!("after {}", round.wrapping_sub(1)))
                || round == 0
        );
    }
}

/// The same where the set is read again, by two at the same time: once either is done, the key
/// is gone.
#[test]
fn no_token_outlives_its_key_in_a_race_of_two_who_replace_the_set() {
    let next = VerifyingKeys::new([key("next").verifying_key()]).unwrap();
    for _ in 0..ROUNDS {
        let old = key("old");
        let trusted = VerifyingKeys::new([old.verifying_key()]).unwrap();
        let world = world_that_trusts(KeySet::new(old), trusted.clone());
        let tokens: Vec<String> = (0..4).map(|n| world.token(&format!("{n}"))).collect();
        let (gone, started) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| call(&world, &tokens, &gone, &started));
            while !started.load(Ordering::Acquire) {
                thread::yield_now();
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    trusted.replace(&next).unwrap();
                    gone.store(true, Ordering::Release);
                });
            }
        });
    }
}

fn call(world: &World, tokens: &[String], gone: &AtomicBool, started: &AtomicBool) {
    loop {
        let is_gone = gone.load(Ordering::Acquire);
        for token in tokens {
            let accepted = world.verifier.verify(token).is_ok();
            assert!(!(is_gone && accepted), "the key was gone before");
        }
        started.store(true, Ordering::Release);
        if is_gone {
            return;
        }
    }
}

/// More tokens than fit, from several threads: each answer is right all the same.
#[test]
fn answers_are_right_while_entries_come_and_go() {
    let mut world = world();
    let limits = tower_bearer::CacheLimits::default().entries(8);
    world.verifier = world.verifier.cache(limits);
    let tokens: Vec<(String, String)> = (0..32)
        .map(|number| format!("user {number}"))
        .map(|subject| (world.token(&subject), subject))
        .collect();
    thread::scope(|scope| {
        for offset in 0..CALLERS {
            let (world, tokens) = (&world, &tokens);
            scope.spawn(move || {
                for step in 0..3_000 {
                    let (token, subject) = &tokens[(step * (offset + 1) + offset) % tokens.len()];
                    assert_eq!(&world.accept(token).claims().sub, subject);
                }
            });
        }
    });
}
