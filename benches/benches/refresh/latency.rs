//! How long one client waits: alone, or among many.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tower_bearer::store::{EndReason, Ended, Record, SessionStore, Swap};
use tower_bearer_benches::{
    crowd::{Client, Crowd, Timed},
    effort::Effort,
    figures::Figures,
    report::Report,
};

use crate::{
    all,
    swapping::{kept, rotate},
};

/// How long each thing took that was timed, in order.
pub(crate) struct Waits(Vec<f64>);

impl Waits {
    pub(crate) fn new(mut taken: Vec<f64>) -> Self {
        taken.sort_by(f64::total_cmp);
        Self(taken)
    }

    /// What so many of 100 do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        self.0[self.0.len() * percent / 100]
    }

    /// The rows of half of them and of 99 of 100.
    pub(crate) fn report(&self, report: &mut Report, name: &str) {
        for percent in [50, 99] {
            let value = self.percentile(percent);
            report.row(format!("{name}/p{percent}_ns"), value);
        }
    }

    /// How many times what half of them take 99 of 100 do not exceed.
    pub(crate) fn spread(&self) -> f64 {
        self.percentile(99) / self.percentile(50)
    }
}

/// A crowd whose waits are timed, in turns of which there are several kinds.
pub(crate) struct Waiting<'a, C> {
    crowd: Crowd<'a, Timed<C>>,
}

impl<'a, C: Client> Waiting<'a, C> {
    pub(crate) fn new(runtime: &'a Runtime, clients: Vec<C>) -> Self {
        let clients = clients.into_iter().map(Timed::new).collect();
        Self {
            crowd: Crowd::new(runtime, clients),
        }
    }

    /// What each of them has waited for within so long.
    pub(crate) fn turn(&mut self, time: Duration) -> Vec<f64> {
        self.crowd.run_for(time);
        let clients = self.crowd.clients().iter_mut();
        clients.flat_map(Timed::take).collect()
    }
}

/// Times what one client alone does, in turns with what another alone does. Each has several to
/// go through, so that what one of them does has settled when its turn comes again.
pub(crate) fn one_client(
    runtime: &Runtime,
    effort: Effort,
    ours: Vec<impl Client>,
    other: Vec<impl Client>,
) -> [Waits; 2] {
    let samples = effort.pick(8_000, 20);
    let mut pairs: Vec<_> = ours.into_iter().zip(other).collect();
    // As a server's request does, and not from a thread that has to be woken for each answer.
    let timing = runtime.spawn(async move {
        let mut taken = [Vec::new(), Vec::new()];
        for sample in 0..samples {
            let next = sample % pairs.len();
            let (ours, other) = &mut pairs[next];
            taken[0].push(time_of(ours).await);
            taken[1].push(time_of(other).await);
        }
        taken
    });
    let taken = runtime.block_on(timing).expect("it does not panic");
    taken.map(Waits::new)
}

async fn time_of(client: &mut impl Client) -> f64 {
    let start = Instant::now();
    client.once().await;
    start.elapsed().as_nanos() as f64
}

/// Times swaps that may go together with others, in turns with swaps that revoke, which never do.
pub(crate) fn measure<St: SessionStore + Clone>(
    runtime: &Runtime,
    effort: Effort,
    report: &mut Report,
    name: &str,
    store: &St,
) {
    let samples = effort.pick(200, 10);
    let mut figures = Figures::default();
    for _ in 0..effort.rounds() {
        let records = all(runtime, samples * 2, async || kept(store).await);
        // As a server's request does, and not from a thread that has to be woken for each answer.
        let timing = runtime.spawn(pairs(store.clone(), records));
        let (mut together, mut alone) = runtime.block_on(timing).expect("it does not panic");
        for (how, taken) in [("swap", &mut together), ("alone", &mut alone)] {
            taken.sort_by(f64::total_cmp);
            for percent in [50, 99] {
                figures.push(&format!("{how}/p{percent}"), taken[samples * percent / 100]);
            }
        }
    }
    for percent in [50, 99] {
        let (swap, alone) = (format!("swap/p{percent}"), format!("alone/p{percent}"));
        let one = format!("{name}/one_client/{swap}");
        report.row(format!("{one}_ns"), figures.median(&swap));
        let ratio = figures.ratio(&swap, &alone);
        // No worse, but for what the same swap differs by from run to run.
        report.at_most(format!("{one}/of_alone"), ratio, 1.1);
    }
}

async fn pairs(store: impl SessionStore, records: Vec<Record>) -> (Vec<f64>, Vec<f64>) {
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for pair in records.chunks(2) {
        together.push(time(&store, &pair[0], rotated(&pair[0])).await);
        alone.push(time(&store, &pair[1], ended(&pair[1])).await);
    }
    (together, alone)
}

async fn time(store: &impl SessionStore, record: &Record, next: Record) -> f64 {
    let start = Instant::now();
    let swap = store
        .swap(next.session.id, record.state.version, &next.state)
        .await;
    let taken = start.elapsed();
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    taken.as_nanos() as f64
}

fn rotated(record: &Record) -> Record {
    let mut next = record.clone();
    rotate(&mut next);
    next
}

fn ended(record: &Record) -> Record {
    let mut next = rotated(record);
    next.state.ended = Some(Ended::new(record.session.created_at, EndReason::Reuse));
    next
}
