//! A key signs that nobody has published, and the one before is retired at once.

use std::{thread, time::Instant};

use crate::{
    COOLDOWN, MAX_AGE, READERS, SLACK,
    server::{Server, fresh},
    watch::{Suffered, Watch},
    with_readers,
};

/// What each reader does.
const EXPECTED: [Unprepared; READERS.len()] = [
    Unprepared::WAITS,
    Unprepared::WAITS,
    Unprepared::KEEPS,
    Unprepared::KEEPS,
    Unprepared::WAITS,
    Unprepared::WAITS,
];

#[derive(Debug, PartialEq)]
struct Unprepared {
    /// It refuses tokens of the new key for a while.
    refuses_new: bool,
    /// It accepts a token of the retired key as long as it is watched.
    keeps_retired: bool,
}

impl Unprepared {
    const WAITS: Self = Self {
        refuses_new: true,
        keeps_retired: false,
    };
    const KEEPS: Self = Self {
        refuses_new: false,
        keeps_retired: true,
    };
}

#[test]
fn a_key_that_nobody_has_published_costs_some_readers_their_tokens() {
    with_readers(
        Server::start,
        |server| &server.source,
        |server, watches| {
            println!("reader: refused, for, as | retired key: accepted for");
            let found: Vec<_> = unannounced(server, watches)
                .into_iter()
                .zip(watches)
                .map(|(suffered, watch)| told(watch.reader, &suffered))
                .collect();
            for ((reader, expected), found) in READERS.iter().zip(&EXPECTED).zip(&found) {
                assert_eq!(found, expected, "{reader}");
            }
        },
    );
}

/// A key has leaked. It comes at the worst time, just after all have read the keys.
fn unannounced(server: &Server, watches: &[Watch]) -> Vec<Suffered> {
    let next = fresh();
    let published = next.verifying_key();
    server.keys.add_verifying(published).expect("it is new");
    thread::sleep(MAX_AGE + COOLDOWN + SLACK);
    server.roll_over(next);
    thread::sleep(SLACK);
    for watch in watches {
        watch.seen();
    }
    let leaked = (server.source.token)(4 * COOLDOWN);
    let from = Instant::now();
    let old = server.roll_over(fresh());
    assert!(server.keys.retire(&old));
    for watch in watches {
        watch.show_retired(&leaked);
    }
    thread::sleep(COOLDOWN + 2 * SLACK);
    let suffered = |watch: &Watch| Suffered::of(&watch.seen(), from);
    watches.iter().map(suffered).collect()
}

fn told(reader: &str, suffered: &Suffered) -> Unprepared {
    let Suffered { refused, why, .. } = suffered;
    let [until, trusted] = [suffered.until, suffered.trusted].map(|time| time.as_secs_f32());
    println!("{reader}: {refused}, {until:.1} s, {why} | {trusted:.1} s");
    Unprepared {
        refuses_new: *refused > 0,
        keeps_retired: suffered.trusts_on,
    }
}
