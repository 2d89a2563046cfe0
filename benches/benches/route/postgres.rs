//! On PostgreSQL, which syncs each commit: the servers, their clients and the database share all
//! processors.

use std::io;

use sqlx::postgres::PgPoolOptions;
use tests_shared::{servers::postgres::Postgres, skipped};
use tokio::runtime;
use tower_bearer::Algorithm;
use tower_bearer_benches::{
    crowd::Crowd, effort::Effort, origin, refreshing::sessions, report::Report,
};
use tower_bearer_sqlx::PostgresStore;

use crate::{
    peer::Peer,
    server::Server,
    subject::{Subject, Taken},
};

const CLIENTS: usize = 128;
/// What a store has that is given an address. The peers have as many.
const CONNECTIONS: u32 = 10;

const ROUTE: &str = "route/postgres";
const LIBRARY: &str = "route/postgres/library";
const PEERS: [&str; 2] = ["oidc_provider", "better_auth"];

pub(crate) fn measure(effort: Effort, report: &mut Report) -> io::Result<()> {
    let server = Server::on_all_processors("postgres-server")?;
    let runtime = &server.runtime;
    let Some(database) = runtime.block_on(Postgres::start_to_measure()) else {
        skipped("PostgreSQL's initdb is not installed");
        return Ok(());
    };
    report.origin(origin::program(
        "PostgreSQL",
        database.program("postgres").unwrap_or_default(),
    ));
    let mut peers = Vec::new();
    for name in PEERS {
        let address = runtime.block_on(database.database(name));
        peers.extend(Peer::start(name, CLIENTS, Some(&address))?.map(|peer| (name, peer)));
    }
    let load = runtime::Builder::new_current_thread().enable_io().build()?;
    let store = runtime.block_on(store(&database.url()));
    let sessions = sessions(store, Algorithm::EdDSA);
    let crowd = Crowd::new(runtime, server.library(&sessions, CLIENTS));
    let threads = || server.threads.clone();
    let (at, tokens) = server.endpoints(&sessions, CLIENTS)?;
    let mut subjects = vec![
        Subject::new(LIBRARY, crowd, threads()),
        Subject::over_http(ROUTE, &load, &at, &tokens, threads())?,
    ];
    for (_, peer) in &peers {
        subjects.push(peer.subject(&load)?);
    }
    let taken = Taken::by(&mut subjects, effort, CLIENTS);
    let installed: Vec<_> = peers.iter().map(|(name, _)| *name).collect();
    judge(report, &taken, &installed);
    Ok(())
}

fn judge(report: &mut Report, taken: &Taken, peers: &[&str]) {
    taken.rate(report, ROUTE, ROUTE);
    taken.rate(report, LIBRARY, LIBRARY);
    let share = taken.wall.ratio(LIBRARY, ROUTE);
    report.at_least(format!("{ROUTE}/of_library"), share, 0.9);
    let busy = taken.busy.ratio(LIBRARY, ROUTE);
    report.row(format!("{ROUTE}/server_time/of_library"), busy);
    for peer in peers {
        taken.beside(report, ROUTE, peer);
    }
}

async fn store(address: &str) -> PostgresStore {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect(address)
        .await;
    let store = PostgresStore::new(pool.expect("it connects")).await;
    store.expect("it opens")
}
