//! Tests every order of what can happen to calls that may go together.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod loads;
mod swaps;

use std::fmt::Debug;

use tokio::runtime;

use super::{Grouping, Stage, Worker};

/// How a group ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Failed,
    Left,
    Stopped,
}

/// A path in the tree of all schedules, which is walked depth first.
#[derive(Default)]
struct Path {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Path {
    fn choose<T: Copy>(&mut self, of: &[T]) -> T {
        if self.at == self.taken.len() {
            self.taken.push((0, of.len()));
        }
        let (taken, count) = self.taken[self.at];
        assert_eq!(count, of.len(), "it cannot be repeated");
        self.at += 1;
        of[taken]
    }

    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((taken, of)) = self.taken.last_mut() {
            *taken += 1;
            if taken < of {
                return true;
            }
            self.taken.pop();
        }
        false
    }
}

/// Prints the steps of a schedule if it fails.
struct Told<'a, T: Debug>(&'a [T]);

impl<T: Debug> Drop for Told<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {:?}", self.0);
        }
    }
}

/// Runs all tasks until each of them waits for the next step.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn nobody_is_left<W: Worker>(group: &Grouping<W>) {
    let state = group.lock();
    assert!(state.waiting.is_empty());
    assert!(state.lanes.iter().all(|lane| *lane == Stage::Free));
}

/// Plays every schedule, with one lane and with two.
fn every_schedule(what: &str, play: impl AsyncFn(&mut Path, usize)) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        // Else a machine that is slow would change what is possible next.
        .start_paused(true)
        .build()
        .unwrap();
    for lanes in [1, 2] {
        let (mut path, mut schedules) = (Path::default(), 0);
        loop {
            runtime.block_on(tokio::task::unconstrained(play(&mut path, lanes)));
            schedules += 1;
            if !path.next() {
                break;
            }
        }
        println!("{what}, {lanes} lanes: {schedules} schedules, each answered in full");
    }
}
