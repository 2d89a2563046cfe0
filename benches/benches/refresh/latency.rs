//! How long a swap takes where there is but one client.

use std::time::Instant;

use tokio::runtime::Runtime;
use tower_bearer::store::{EndReason, Ended, Record, SessionStore, Swap};
use tower_bearer_benches::{effort::Effort, figures::Figures, report::Report};

use crate::{
    all,
    swapping::{kept, rotate},
};

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
