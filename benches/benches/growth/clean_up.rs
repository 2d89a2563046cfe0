//! Refreshes while expired sessions are deleted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tower_bearer::{clock::Timestamp, store::SessionStore};
use tower_bearer_benches::{effort::Effort, report::Report};

use crate::{
    crowd::{Crowd, Done, Until, p99_ms},
    measure::Filled,
    table::{SOON, Table},
};

/// Measures the crowd alone, and while the table is cleaned up.
pub(crate) async fn measure<T: Table>(
    store: &str,
    effort: Effort,
    report: &mut Report,
    filled: &mut Filled<T>,
) {
    let Filled {
        table,
        crowd,
        alike,
        ..
    } = filled;
    let count = effort.pick(100_000, 2_000);
    let ends_at = table.store().now().await.expect("the time") + SOON;
    table.add_ending(alike, count, ends_at).await;
    table.settle().await;
    let quiet = effort.pick(Duration::from_secs(2), Duration::from_millis(50));
    let mut quiet = crowd.run(Until::Passed(quiet)).await;
    wait_for(table.store(), ends_at).await;
    let (mut beside, rate) = together(table, crowd).await;

    let row = |what: &str| format!("{store}/clean_up/{what}");
    report.row(row("deleted_per_s"), rate);
    report.row(row("refresh_per_s"), 1e9 / beside.pace());
    report.row(row("refresh/of_quiet"), quiet.pace() / beside.pace());
    let (quiet, beside) = (p99_ms(&mut quiet.each), p99_ms(&mut beside.each));
    report.row(row("quiet/p99_ms"), quiet);
    report.row(row("p99_ms"), beside);
    report.row(row("p99/of_quiet"), beside / quiet);
}

async fn wait_for(store: &impl SessionStore, time: Timestamp) {
    let now = store.now().await.expect("the time");
    let left = u64::try_from(time.as_millis() - now.as_millis()).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(left)).await;
}

/// What the crowd does while the table is cleaned up, and how many sessions are deleted a second.
async fn together<T: Table>(table: &T, crowd: &mut Crowd<T::Store>) -> (Done, f64) {
    let done = Arc::new(AtomicBool::new(false));
    let clean_up = async {
        let start = Instant::now();
        let deleted = table.clean_up().await;
        done.store(true, Relaxed);
        deleted as f64 / start.elapsed().as_secs_f64()
    };
    let until = Until::Done(Arc::clone(&done));
    tokio::join!(crowd.run(until), clean_up)
}
