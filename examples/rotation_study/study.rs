//! The runs, over all cores.

use std::{
    io::{IsTerminal, Write},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::{
    policies::Rules,
    world::{Client, Network, Outcome, Thief, run},
};

/// Many sessions of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) rules: Rules,
    pub(crate) client: Client,
    pub(crate) network: Network,
    pub(crate) thief: Option<Thief>,
    pub(crate) runs: usize,
}

/// What came of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: usize,
    pub(crate) ended: usize,
    /// How often thieves got tokens.
    pub(crate) gained: u64,
    /// The most rotations before a revocation.
    pub(crate) most_rotations: u32,
    rotations: u64,
    rotations_until_revoked: u64,
    millis_until_revoked: u64,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        self.runs += 1;
        self.rotations += u64::from(outcome.rotations);
        self.gained += u64::from(outcome.gained);
        if outcome.ended {
            self.ended += 1;
            self.rotations_until_revoked += u64::from(outcome.rotations);
            self.millis_until_revoked += outcome.lasted;
            self.most_rotations = self.most_rotations.max(outcome.rotations);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.ended += other.ended;
        self.rotations += other.rotations;
        self.gained += other.gained;
        self.rotations_until_revoked += other.rotations_until_revoked;
        self.millis_until_revoked += other.millis_until_revoked;
        self.most_rotations = self.most_rotations.max(other.most_rotations);
    }

    /// Rotations a session, on average.
    pub(crate) fn rotations(&self) -> f64 {
        self.rotations as f64 / self.runs.max(1) as f64
    }

    /// Hours before a revocation, on average over those that came to one.
    pub(crate) fn hours_until_revoked(&self) -> f64 {
        self.millis_until_revoked as f64 / self.ended.max(1) as f64 / 3_600_000.0
    }

    /// Rotations before a revocation, on average over those that came to one.
    pub(crate) fn rotations_until_revoked(&self) -> f64 {
        self.rotations_until_revoked as f64 / self.ended.max(1) as f64
    }

    pub(crate) fn share(&self) -> f64 {
        self.ended as f64 / self.runs.max(1) as f64
    }

    /// The interval that has the true share in it with 95 % confidence (Wilson, 1927).
    pub(crate) fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.959_963_985;
        let (n, p) = (self.runs.max(1) as f64, self.share());
        let scale = 1.0 + Z * Z / n;
        let middle = (p + Z * Z / (2.0 * n)) / scale;
        let reach = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - reach).max(0.0), (middle + reach).min(1.0))
    }
}

/// Runs all trials. The threads share the work run by run and the outcome does not depend on
/// how many there are.
pub(crate) fn run_all(trials: &[Trial], seed: u64, threads: usize) -> Vec<Tally> {
    let total = trials.iter().map(|trial| trial.runs).sum();
    let next = AtomicUsize::new(0);
    let mut tallies = vec![Tally::default(); trials.len()];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(trials, seed, &next)))
            .collect();
        progress(&next, total);
        for worker in workers {
            let done = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (tally, done) in tallies.iter_mut().zip(&done) {
                tally.merge(done);
            }
        }
    });
    tallies
}

fn work(trials: &[Trial], seed: u64, next: &AtomicUsize) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); trials.len()];
    loop {
        let mut number = next.fetch_add(1, Ordering::Relaxed);
        let mut at = trials.iter().zip(&mut tallies);
        let found = at.find(|(trial, _)| match number.checked_sub(trial.runs) {
            None => true,
            Some(rest) => {
                number = rest;
                false
            }
        });
        let Some((trial, tally)) = found else {
            break;
        };
        let stream = (seed, number as u64);
        tally.add(run(
            &trial.rules,
            trial.client,
            trial.network,
            trial.thief,
            stream,
        ));
    }
    tallies
}

/// A bar on standard error until all is done, where that is a terminal.
fn progress(next: &AtomicUsize, total: usize) {
    const WIDTH: usize = 40;
    let mut bar = std::io::stderr();
    if !bar.is_terminal() {
        return;
    }
    loop {
        let done = next.load(Ordering::Relaxed).min(total);
        let filled = done * WIDTH / total.max(1);
        let (full, open) = ("█".repeat(filled), "░".repeat(WIDTH - filled));
        // Nothing is lost where it cannot be shown.
        let _ = write!(bar, "\r{full}{open} {:3} %", done * 100 / total.max(1));
        let _ = bar.flush();
        if done == total {
            let _ = writeln!(bar);
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}
