//! [`Alternation`]: subjects that are measured in turns.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::effort::Effort;

/// Subjects that are measured in turns, so that whatever else the machine does meets all alike.
pub struct Alternation<'a> {
    effort: Effort,
    subjects: Vec<(String, Box<dyn FnMut(u64) -> Duration + 'a>)>,
}

impl<'a> Alternation<'a> {
    /// Nothing to measure yet.
    pub fn new(effort: Effort) -> Self {
        Self {
            effort,
            subjects: Vec::new(),
        }
    }

    /// A subject: `once` is what is measured.
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
    pub fn add_timed(
        &mut self,
        name: impl Into<String>,
        run: impl FnMut(u64) -> Duration + 'a,
    ) {
        self.subjects.push((name.into(), Box::new(run)));
    }

    /// Measures all of them.
    pub fn run(self) -> Times {
        let Self {
            effort,
            mut subjects,
        } = self;
        let counts: Vec<u64> = subjects
            .iter_mut()
            .map(|(_, run)| calibrate(run, effort.turn()))
            .collect();
        let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for _ in 0..effort.rounds() {
            for ((name, run), &count) in subjects.iter_mut().zip(&counts) {
                let nanos = run(count).as_nanos() as f64 / count as f64;
                times.entry(name.clone()).or_default().push(nanos);
            }
        }
        Times(times)
    }
}

/// How often a subject fits into a turn. Warms it up on the way.
fn calibrate(run: &mut dyn FnMut(u64) -> Duration, turn: Duration) -> u64 {
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

/// What an [`Alternation`] took: nanoseconds for one time, for each subject and turn.
pub struct Times(BTreeMap<String, Vec<f64>>);

impl Times {
    /// The median, in nanoseconds.
    pub fn nanos(&self, name: &str) -> f64 {
        median(self.of(name).to_vec())
    }

    /// How many times what `other` takes `name` takes.
    pub fn ratio(&self, name: &str, other: &str) -> f64 {
        self.compare(name, other, |a, b| a / b)
    }

    /// How many nanoseconds more than `other` `name` takes.
    pub fn above(&self, name: &str, other: &str) -> f64 {
        self.compare(name, other, |a, b| a - b)
    }

    fn compare(&self, name: &str, other: &str, how: impl Fn(f64, f64) -> f64) -> f64 {
        let turns = self.of(name).iter().zip(self.of(other));
        median(turns.map(|(&a, &b)| how(a, b)).collect())
    }

    /// A benchmark asks for what it measured.
    fn of(&self, name: &str) -> &[f64] {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("{name} was not measured"))
    }
}

/// The one in the middle; the mean of both for an even number.
pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        values[middle - 1].midpoint(values[middle])
    } else {
        values[middle]
    }
}
