//! Refreshes, and the swaps that they are made of, on the real stores beside what their drivers
//! do alone.

mod child;
mod driver;
mod latency;
mod memory;
mod pgbench;
mod postgres;
mod redis;
mod signing;
mod sqlite;
mod swapping;

use std::{env, io, time::Duration};

use tokio::runtime::{self, Runtime};
use tower_bearer_benches::{alternation::Alternation, effort::Effort, origin, report::Report};

fn main() -> io::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [child::FLAG, postgres::NODE, address, clients] => {
            postgres::node(&runtime, address, clients)
        }
        [child::FLAG, sqlite::WRITER, file] => sqlite::writer(&runtime, file),
        _ => measure(&runtime),
    }
}

fn measure(runtime: &Runtime) -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("refresh", effort);
    report.origin(origin::disk());
    report.origin(runtime.block_on(origin::sqlite()));
    memory::measure(runtime, effort, &mut report);
    sqlite::measure(runtime, effort, &mut report);
    redis::measure(runtime, effort, &mut report);
    postgres::measure(runtime, effort, &mut report);
    report.finish()
}

/// Turns that are long enough for many clients to have some each.
fn turns<'a>(effort: Effort) -> Alternation<'a> {
    Alternation::new(effort).turn(turn(effort))
}

fn turn(effort: Effort) -> Duration {
    effort.pick(Duration::from_millis(250), Duration::from_millis(5))
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
