//! Whether a store gets slower as it grows: tables of up to a million sessions, or of ten million
//! with `GROWTH_SESSIONS=10000000`, side by side; what a session weighs; and what refreshes and
//! clean-ups leave of that.

mod active;
mod clean_up;
mod columns;
mod crowd;
mod measure;
mod postgres;
mod redis;
mod size;
mod sqlite;
mod table;
mod wear;
mod year;

use std::io;

use tokio::runtime;
use tower_bearer_benches::{effort::Effort, origin, report::Report};

use crate::size::Sizes;

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let sizes = Sizes::of(effort)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new("growth", effort);
    report.origin(origin::disk());
    runtime.block_on(async {
        report.origin(origin::sqlite().await);
        sqlite::measure(&sizes, effort, &mut report).await;
        redis::measure(&sizes, effort, &mut report).await;
        postgres::measure(&sizes, effort, &mut report).await;
    });
    report.finish()
}
