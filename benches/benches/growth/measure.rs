//! Refreshes on tables of all sizes, in turns.

use std::time::{Duration, Instant};

use tower_bearer::store::Record;
use tower_bearer_benches::{effort::Effort, figures::Figures, report::Report};

use crate::{
    active::Active,
    clean_up,
    crowd::{Crowd, Until, p99_ms},
    size::{Sizes, active, name},
    table::Table,
    year,
};

/// A table that is filled, and what is done with it.
pub(crate) struct Filled<T: Table> {
    name: String,
    pub(crate) table: T,
    pub(crate) crowd: Crowd<T::Store>,
    /// One of its sessions.
    pub(crate) alike: Record,
    session_bytes: f64,
    taken: Vec<Duration>,
}

/// Fills tables of all sizes that `open` makes, and measures them in turns.
pub(crate) async fn growth<T: Table>(
    store: &str,
    clients: usize,
    sizes: &Sizes,
    effort: Effort,
    report: &mut Report,
    open: impl AsyncFn(String) -> T,
) {
    let mut tables = Vec::new();
    for &size in sizes.all() {
        let start = Instant::now();
        let table = open(name(size)).await;
        tables.push(fill(table, size, clients).await);
        println!("{store}: {size} sessions in {:?}", start.elapsed());
    }
    let figures = turns(effort, &mut tables).await;
    let smallest = name(sizes.smallest());
    let smallest_p99 = p99_ms(&mut tables.first_mut().expect("there is one").taken);
    for table in &mut tables {
        let name = &table.name;
        let row = |what: &str| format!("{store}/{name}/{what}");
        report.row(row("session_bytes"), table.session_bytes);
        report.row(row("refresh_per_s"), 1e9 / figures.median(name));
        let p99 = p99_ms(&mut table.taken);
        report.row(row("p99_ms"), p99);
        if *name != smallest {
            let share = figures.ratio(&smallest, name);
            report.at_least(row(&format!("of_{smallest}")), share, 0.77);
            let wait = row(&format!("p99/of_{smallest}"));
            report.at_most(wait, p99 / smallest_p99, 1.3);
        }
    }
    let largest = tables.last_mut().expect("there is one");
    year::rows(report, store, largest.session_bytes);
    clean_up::measure(store, effort, report, largest).await;
}

/// Makes a table of so many sessions, of which the active ones are spread over all of it.
async fn fill<T: Table>(mut table: T, size: usize, clients: usize) -> Filled<T> {
    let empty = table.bytes().await;
    let Active { records, tokens } = Active::start(active(size)).await;
    table.fill(&records, size / records.len()).await;
    table.settle().await;
    let full = table.bytes().await;
    Filled {
        crowd: Crowd::new(table.store(), tokens, clients),
        name: name(size),
        session_bytes: (full - empty) as f64 / size as f64,
        table,
        alike: records.into_iter().next().expect("there is one"),
        taken: Vec::new(),
    }
}

async fn turns<T: Table>(effort: Effort, tables: &mut [Filled<T>]) -> Figures {
    let turn = effort.pick(Duration::from_millis(250), Duration::from_millis(20));
    let mut figures = Figures::default();
    for table in &mut *tables {
        // Until each active session was read and written, which brings its pages into memory.
        table.crowd.run(Until::Times(1)).await;
    }
    for _ in 0..effort.rounds() {
        for table in &mut *tables {
            let done = table.crowd.run(Until::Passed(turn)).await;
            figures.push(&table.name, done.pace());
            table.taken.extend(done.each);
        }
    }
    figures
}
