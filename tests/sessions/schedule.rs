//! Every interleaving of the steps of some futures, one schedule after the other.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::stepping::Turns;

/// Longer than a refresh that has lost its swap ever waits.
const NAP: Duration = Duration::from_millis(100);
const NAPS: usize = 20;

/// No schedule is longer; a future that goes round in circles is found out by it.
const LONGEST: usize = 200;

pub(crate) type Actor<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Which actor takes its step, at each point where several can: a path in the tree of all
/// schedules. They are walked depth first, each from the beginning.
#[derive(Default)]
pub(crate) struct Schedule {
    path: Vec<Choice>,
    at: usize,
}

struct Choice {
    taken: usize,
    /// The actors that could go on here.
    of: Vec<usize>,
}

impl Schedule {
    fn choose(&mut self, of: Vec<usize>) -> usize {
        if self.at == self.path.len() {
            self.path.push(Choice { taken: 0, of });
        } else {
            assert_eq!(self.path[self.at].of, of, "the actors are not repeatable");
        }
        let choice = &self.path[self.at];
        self.at += 1;
        assert!(self.at < LONGEST, "it does not end: {self}");
        choice.of[choice.taken]
    }

    /// The next schedule, if there is one.
    pub(crate) fn next(&mut self) -> bool {
        self.at = 0;
        while let Some(last) = self.path.last_mut() {
            if last.taken + 1 < last.of.len() {
                last.taken += 1;
                return true;
            }
            self.path.pop();
        }
        false
    }

    /// Takes the actors through this schedule; `look` sees what each step has made.
    ///
    /// A step goes up to the actor's next turn at the store; where it waits for anything else,
    /// other tasks run and the (paused) time moves on. Until its first turn an actor meets
    /// nothing that is shared, so that all begin at once.
    pub(crate) async fn run<T>(
        &mut self,
        mut actors: Vec<Actor<'_, T>>,
        turns: &Turns,
        mut look: impl FnMut() -> Result<(), String>,
    ) -> Result<Vec<T>, String> {
        let mut results: Vec<Option<T>> = Vec::new();
        for (number, actor) in actors.iter_mut().enumerate() {
            results.push(step(actor, number, turns).await);
        }
        loop {
            let unfinished: Vec<_> = (0..results.len())
                .filter(|&actor| results[actor].is_none())
                .collect();
            if unfinished.is_empty() {
                turns.run(None);
                return Ok(results.into_iter().flatten().collect());
            }
            let actor = self.choose(unfinished);
            results[actor] = step(&mut actors[actor], actor, turns).await;
            look()?;
        }
    }
}

/// The actors by number, in the order of their steps.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.iter().take(self.at);
        path.map(|choice| choice.of[choice.taken])
            .try_for_each(|actor| write!(f, "{actor}"))
    }
}

/// Gives the actor its turn and polls it up to the next one, or to its end.
async fn step<T>(actor: &mut Actor<'_, T>, number: usize, turns: &Turns) -> Option<T> {
    turns.run(Some(number));
    turns.give(number);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..NAPS {
        if let Poll::Ready(result) = actor.as_mut().poll(&mut context) {
            return Some(result);
        }
        if turns.is_waited_for_by(number) {
            return None;
        }
        tokio::time::advance(NAP).await;
    }
    panic!("an actor waits for what does not come");
}
