//! How soon a logout is known in other processes: one ends sessions, and two others follow the store. The store
//! is idle, serves two thousand refreshes a second, or cannot be reached for a while.

mod ending;
mod engine;
mod follower;
mod following;
#[path = "../../../tests/mongodb/server.rs"]
#[allow(dead_code, reason = "the tests of MongoDB do more with it")]
mod nx27017;
mod servers;
mod trial;

use std::{env, io};

use self::nx27017::Nx27017;
use tests_shared::{
    servers::{
        mariadb::MariaDb,
        postgres::Postgres,
        redis::{Engine, Redis},
        redis_cluster::RedisCluster,
    },
    skipped,
};
use tokio::runtime;
use tower_bearer_benches::{effort::Effort, origin, report::Report};

use crate::{servers::Servers, trial::Trial};

const SHARDS: usize = 3;

/// It is written in Python, and does not serve two thousand refreshes a second.
const TOO_SLOW: &str = "mongodb";

fn main() -> io::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [following::FLAG, engine, address] => runtime.block_on(following::follow(engine, address)),
        _ => runtime.block_on(measure()),
    }
}

async fn measure() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("feed", effort);
    report.origin(origin::disk());
    sqlite(effort, &mut report).await?;
    match Redis::start_to_measure().await {
        Some(server) => {
            report.origin(origin::program("Redis", "redis-server"));
            all("redis", server, effort, &mut report).await;
        }
        None => skipped("redis-server is not installed"),
    }
    if let Some(server) = Redis::start_as(Engine::Valkey, &[]).await {
        all("valkey", server, effort, &mut report).await;
    }
    if let Some(servers) = RedisCluster::without_replicas(Engine::Redis).await {
        all("redis_cluster", servers, effort, &mut report).await;
    }
    postgres(effort, &mut report).await;
    if let Some(server) = MariaDb::durable().await {
        report.origin(origin::program("MariaDB", "mariadbd"));
        all("mariadb", server, effort, &mut report).await;
    }
    if let Some(server) = Nx27017::start().await {
        all("mongodb", server, effort, &mut report).await;
    }
    report.finish()
}

/// It has no server that could fail, and no connection that could break.
async fn sqlite(effort: Effort, report: &mut Report) -> io::Result<()> {
    report.origin(origin::sqlite().await);
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("sessions.db");
    let file = file.to_str().expect("a path in UTF-8");
    let mut trial = Trial::of("sqlite", (file, &[]), effort, report).await;
    trial.idle().await;
    trial.busy().await;
    trial.after_cut().await;
    trial.new_servers().await;
    trial.finish();
    Ok(())
}

/// One server, and several as shards.
async fn postgres(effort: Effort, report: &mut Report) {
    let mut servers = Vec::new();
    for _ in 0..SHARDS {
        let Some(server) = Postgres::start_to_measure().await else {
            return skipped("PostgreSQL's initdb is not installed");
        };
        let program = server.program("postgres").unwrap_or_default();
        if servers.is_empty() {
            report.origin(origin::program("PostgreSQL", program));
        }
        servers.push(server);
    }
    all("postgres_shards", servers, effort, report).await;
    if let Some(server) = Postgres::start_to_measure().await {
        all("postgres", server, effort, report).await;
    }
}

async fn all<S: Servers>(
    engine: &'static str,
    mut servers: S,
    effort: Effort,
    report: &mut Report,
) {
    let (address, ports) = (servers.address(), servers.ports());
    let mut trial = Trial::of(engine, (&address, &ports), effort, report).await;
    trial.idle().await;
    if engine != TOO_SLOW {
        trial.busy().await;
    }
    trial.after_cut().await;
    trial.after_restart(&mut servers).await;
    trial.new_servers().await;
    trial.finish();
}
