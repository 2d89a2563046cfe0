//! How soon a logout is known in other processes: one ends sessions, and two others follow the store, while
//! it is idle and while it serves two thousand refreshes a second.

mod ending;
mod engine;
mod follower;

use std::{env, io};

use tests_shared::{
    servers::{postgres::Postgres, redis::Redis},
    skipped,
};
use tokio::runtime;
use tower_bearer_benches::{effort::Effort, origin, report::Report};

use crate::ending::Ending;

fn main() -> io::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [follower::FLAG, engine, address] => runtime.block_on(follower::serve(engine, address)),
        _ => runtime.block_on(measure()),
    }
}

async fn measure() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("feed", effort);
    report.origin(origin::disk());
    report.origin(origin::sqlite().await);

    let directory = tempfile::tempdir()?;
    let file = directory.path().join("sessions.db");
    let file = file.to_str().expect("a path in UTF-8");
    let ending = Ending::new("sqlite", file).await;
    ending.measure(effort, &mut report).await;

    match Redis::start_to_measure().await {
        Some(server) => {
            report.origin(origin::program("Redis", "redis-server"));
            let ending = Ending::new("redis", &server.url()).await;
            ending.measure(effort, &mut report).await;
        }
        None => skipped("redis-server is not installed"),
    }
    match Postgres::start_to_measure().await {
        Some(server) => {
            let program = server.program("postgres").unwrap_or_default();
            report.origin(origin::program("PostgreSQL", program));
            let ending = Ending::new("postgres", &server.url()).await;
            ending.measure(effort, &mut report).await;
        }
        None => skipped("PostgreSQL's initdb is not installed"),
    }
    report.finish()
}
