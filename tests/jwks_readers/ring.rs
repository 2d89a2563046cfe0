//! The keys of a ring, which roll over by themselves, and one of which leaks.

use std::{
    thread,
    time::{Duration, Instant},
};

use tower_bearer::{
    clock::{Clock, SystemClock},
    ring::KeyState,
};

use crate::{
    COOLDOWN, LIFETIME, MAX_AGE, SLACK,
    server::RingServer,
    watch::{Suffered, Watch},
    with_readers,
};

/// As long as the manual says that a key is to be published: all have asked by then.
const PUBLISH_FOR: Duration = COOLDOWN.saturating_add(MAX_AGE).saturating_add(SLACK);
const SIGN_FOR: Duration = PUBLISH_FOR.saturating_add(Duration::from_secs(8));
const ROLL_OVERS: usize = 2;
/// How long after a key was retired the readers are watched, and a token of it lives.
const WATCHED: Duration = COOLDOWN.saturating_add(SLACK);

#[test]
fn a_roll_over_costs_no_reader_a_token() {
    with_readers(
        || RingServer::start(SIGN_FOR, PUBLISH_FOR, WATCHED + SLACK),
        |server| &server.source,
        |server, watches| {
            let planned = planned(server, watches);
            let leaked = leaked(server, watches);
            println!(
                "reader: tokens at {ROLL_OVERS} roll-overs, refused | after retire: tokens, refused, retired key accepted for"
            );
            for ((watch, planned), leaked) in watches.iter().zip(planned).zip(leaked) {
                println!("{}: {planned} | {leaked}", watch.reader);
            }
        },
    );
}

/// Nothing is refused, from the first token of each key to the last.
fn planned(server: &RingServer, watches: &[Watch]) -> Vec<String> {
    for _ in 0..ROLL_OVERS {
        let (old, next) = (server.key(KeyState::Signing), server.key(KeyState::Next));
        let from = Instant::now();
        while server.key(KeyState::Signing).kid == old.kid {
            assert!(from.elapsed() < SIGN_FOR + SLACK, "it does not roll over");
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(server.key(KeyState::Signing).kid, next.kid);
    }
    thread::sleep(LIFETIME + SLACK);
    tell(watches)
}

/// The key that signs is retired, when all could know the next one.
fn leaked(server: &RingServer, watches: &[Watch]) -> Vec<String> {
    let (leaked, next) = (server.key(KeyState::Signing), server.key(KeyState::Next));
    while SystemClock.now() < next.made_at + PUBLISH_FOR {
        thread::sleep(Duration::from_millis(100));
    }
    tell(watches);
    let token = (server.source.token)(WATCHED + SLACK);
    for watch in watches {
        watch.show_retired(&token);
    }
    let from = Instant::now();
    server.retire(&leaked.kid);
    assert_eq!(server.key(KeyState::Signing).kid, next.kid);
    thread::sleep(WATCHED);
    let tell = |watch: &Watch| {
        let suffered = Suffered::of(&watch.seen(), from);
        let refused = suffered.refused;
        assert_eq!(refused, 0, "{}: {}", watch.reader, suffered.why);
        let trusted = suffered.trusted.as_secs_f32();
        format!("{}, {refused}, {trusted:.1} s", suffered.tokens)
    };
    watches.iter().map(tell).collect()
}

/// What each has seen since the last time: no refusal.
fn tell(watches: &[Watch]) -> Vec<String> {
    let tell = |watch: &Watch| {
        let seen = watch.seen();
        let refusals = seen.iter().filter_map(|seen| seen.refusal.as_ref());
        let refusals: Vec<_> = refusals.collect();
        assert!(refusals.is_empty(), "{}: {refusals:?}", watch.reader);
        let (tokens, reader) = (seen.len(), watch.reader);
        assert!(tokens > 100, "{reader} is too slow: {tokens}");
        format!("{tokens}, {}", refusals.len())
    };
    watches.iter().map(tell).collect()
}
