//! [`Alternation`]: subjects that are timed in turns.

use std::time::{Duration, Instant};

use crate::{effort::Effort, figures::Figures};

type Run<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

/// Subjects that are timed in turns, so that whatever else the machine does meets all alike.
pub struct Alternation<'a> {
    rounds: usize,
    turn: Duration,
    subjects: Vec<(String, Run<'a>)>,
}

impl<'a> Alternation<'a> {
    /// Nothing to measure yet.
    pub fn new(effort: Effort) -> Self {
        Self {
            rounds: effort.rounds(),
            turn: effort.turn(),
            subjects: Vec::new(),
        }
    }

    /// Makes each turn about so long.
    #[must_use]
    pub fn turn(self, turn: Duration) -> Self {
        Self { turn, ..self }
    }

    /// A subject: `once` is what is timed.
    pub fn add(&mut self, name: impl Into<String>, mut once: impl FnMut() + 'a) {
        self.add_timed(name, move |times| {
            let start = Instant::now();
            for _ in 0..times {
                once();
            }
            start.elapsed()
        });
    }

    /// A subject that does it so many times and tells how long that took, for those that prepare
    /// something before, or measure otherwise.
    pub fn add_timed(&mut self, name: impl Into<String>, run: impl FnMut(u64) -> Duration + 'a) {
        self.subjects.push((name.into(), Box::new(run)));
    }

    /// Times all of them, in nanoseconds.
    pub fn run(mut self) -> Figures {
        let counts: Vec<u64> = self
            .subjects
            .iter_mut()
            .map(|(_, run)| calibrate(run, self.turn))
            .collect();
        let mut figures = Figures::default();
        for _ in 0..self.rounds {
            for ((name, run), &count) in self.subjects.iter_mut().zip(&counts) {
                figures.push(name, run(count).as_nanos() as f64 / count as f64);
            }
        }
        figures
    }
}

/// How often a subject fits into a turn. Warms it up on the way.
fn calibrate(run: &mut Run<'_>, turn: Duration) -> u64 {
    let mut count = 1;
    loop {
        let took = run(count);
        if took * 2 >= turn {
            let fits = turn.as_nanos() * u128::from(count) / took.as_nanos().max(1);
            return u64::try_from(fits).unwrap_or(u64::MAX).max(1);
        }
        count *= 2;
    }
}
