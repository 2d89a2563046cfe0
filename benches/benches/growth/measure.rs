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
struct Filled<T: Table> {
    name: String,
    table: T,
    crowd: Crowd<T::Store>,
    /// One of its sessions.
    alike: Record,
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
        let table = open(name(size)).await;
        tables.push(fill(store, clients, size, table, report).await);
    }
    let figures = turns(effort, &mut tables).await;
    let smallest = name(sizes.smallest());
    for Filled { name, taken, .. } in &mut tables {
        let row = |what: &str| format!("{store}/{name}/{what}");
        report.row(row("refresh_per_s"), 1e9 / figures.median(name));
        report.row(row("p99_ms"), p99_ms(taken));
        if *name != smallest {
            let share = figures.ratio(&smallest, name);
            report.at_least(row(&format!("of_{smallest}")), share, 0.77);
        }
    }
    let largest = tables.last_mut().expect("there is one");
    let Filled {
        table,
        crowd,
        alike,
        ..
    } = largest;
    clean_up::measure(store, effort, report, table, alike, crowd).await;
}

/// Makes a table of so many sessions, of which the active ones are spread over all of it.
async fn fill<T: Table>(
    store: &str,
    clients: usize,
    size: usize,
    mut table: T,
    report: &mut Report,
) -> Filled<T> {
    let start = Instant::now();
    let name = name(size);
    let empty = table.bytes().await;
    let Active { records, tokens } = Active::start(active(size)).await;
    table.fill(&records, size / records.len()).await;
    table.settle().await;
    let each = (table.bytes().await - empty) as f64 / size as f64;
    println!("{store}: {size} sessions in {:?}", start.elapsed());
    report.row(format!("{store}/{name}/session_bytes"), each);
    year::rows(report, store, &name, each);
    Filled {
        crowd: Crowd::new(table.store(), tokens, clients),
        name,
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
