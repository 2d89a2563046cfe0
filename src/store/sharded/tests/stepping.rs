//! A store that gives way before each call, and every order in which calls may happen.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::*;

/// The store, which gives way once before each call.
pub(super) fn stepping(store: MemoryStore) -> impl SessionStore {
    before(store, |_| async {
        step().await;
        Ok(())
    })
}

/// Pending once.
async fn step() {
    let mut gave = false;
    poll_fn(|_| match std::mem::replace(&mut gave, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// A path in the tree of all orders, which is walked depth first.
#[derive(Default)]
pub(super) struct Path {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Path {
    pub(super) fn choose(&mut self, of: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, of));
        }
        let (taken, count) = self.taken[self.at];
        assert_eq!(count, of, "it cannot be repeated");
        self.at += 1;
        taken
    }

    /// Whether there is another path.
    pub(super) fn next(&mut self) -> bool {
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

pub(super) type Actor<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs the actors one call at a time in the order of the path, and calls `check` after each. The first may
/// die at each of its calls, if it is `mortal`.
pub(super) fn run(path: &mut Path, mut actors: Vec<Actor<'_>>, mortal: bool, check: impl Fn()) {
    let mut context = Context::from_waker(Waker::noop());
    let mut mortal = mortal.then_some(0);
    while !actors.is_empty() {
        let dies = usize::from(mortal.is_some());
        let chosen = path.choose(actors.len() + dies);
        if chosen == actors.len() {
            drop(actors.remove(0));
            mortal = None;
        } else if actors[chosen].as_mut().poll(&mut context).is_ready() {
            drop(actors.remove(chosen));
            mortal = mortal.filter(|_| chosen != 0);
        }
        check();
    }
}

/// The value of a future of stores that never wait.
pub(super) fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
