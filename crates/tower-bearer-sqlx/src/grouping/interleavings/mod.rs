//! Tests every order of what can happen to calls that may go together.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod loads;
mod swaps;

use std::{fmt::Debug, time::Duration};

use tokio::runtime;

use super::{Grouping, OVERDUE, Stage, Worker, tests::settle};

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

/// Makes all groups that are under way take long.
async fn wait() {
    tokio::time::advance(OVERDUE + Duration::from_millis(1)).await;
}

/// Checks that nobody waits where a lane is free, unless it waits for a group that goes on.
fn nobody_is_held_up<W: Worker>(group: &Grouping<W>) {
    let state = group.lock();
    let goes_on = |lane: &Stage| matches!(lane, Stage::Gathering(_) | Stage::Working(..));
    let may_wait = state.lanes.iter().any(goes_on) || !state.lanes.contains(&Stage::Free);
    let there = |waiting: &super::Waiting<W>| !waiting.answer.is_closed();
    assert!(may_wait || !state.waiting.iter().any(there), "held up");
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
