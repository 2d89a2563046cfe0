//! Refreshes, and the swaps that they are made of, on the real stores beside what their drivers
//! do alone.

mod crowd;
mod driver;
mod latency;
mod memory;
mod postgres;
mod redis;
mod refreshing;
mod signing;
mod sqlite;
mod swapping;

use std::{io, time::Duration};

use tokio::runtime::{self, Runtime};
use tower_bearer_benches::{alternation::Alternation, effort::Effort, report::Report};

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new("refresh", effort);
    memory::measure(&runtime, effort, &mut report);
    sqlite::measure(&runtime, effort, &mut report);
    redis::measure(&runtime, effort, &mut report);
    postgres::measure(&runtime, effort, &mut report);
    report.finish()
}

/// Turns that are long enough for many clients to have some each.
fn turns<'a>(effort: Effort) -> Alternation<'a> {
    let turn = effort.pick(Duration::from_millis(250), Duration::from_millis(5));
    Alternation::new(effort).turn(turn)
}

/// One by one: how soon is of no interest.
fn all<T>(runtime: &Runtime, count: usize, make: impl AsyncFn() -> T) -> Vec<T> {
    runtime.block_on(async {
        let mut made = Vec::with_capacity(count);
        for _ in 0..count {
            made.push(make().await);
        }
        made
    })
}
