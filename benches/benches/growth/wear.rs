//! What a table weighs after all of its sessions were refreshed many times.

use tower_bearer_benches::{effort::Effort, report::Report};

use crate::{
    active::Active,
    crowd::{Crowd, Until},
    table::{Table, keep},
};

/// Refreshes each session of a new table a hundred times. Tells how many refreshes that were.
pub(crate) async fn measure<T: Table>(
    store: &str,
    clients: usize,
    effort: Effort,
    report: &mut Report,
    table: &T,
) -> usize {
    let (count, times) = effort.pick((5_000, 100), (500, 3));
    let empty = table.bytes().await;
    let Active { records, tokens } = Active::start(count).await;
    keep(table.store(), &records).await;
    let new = table.bytes().await - empty;
    let mut crowd = Crowd::new(table.store(), tokens, clients);
    let done = crowd.run(Until::Times(times)).await;
    println!("{store}: {} refreshes in {:?}", done.each.len(), done.all);
    let worn = table.bytes().await - empty;
    let row = |what: &str| format!("{store}/refreshed_{times}_times/{what}");
    report.row(row("session_bytes"), worn as f64 / count as f64);
    report.row(row("bytes/of_new"), worn as f64 / new as f64);
    done.each.len()
}
