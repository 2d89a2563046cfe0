//! PostgreSQL that syncs each commit, on this machine.

use std::{
    io,
    time::{Duration, Instant},
};

use sqlx::{PgPool, postgres::PgPoolOptions};
use tests_shared::{servers::postgres::Postgres, skipped};
use tokio::runtime::Runtime;
use tower_bearer::Algorithm;
use tower_bearer_benches::{
    alternation::Alternation,
    crowd::{Crowd, rate},
    effort::Effort,
    figures::Figures,
    origin,
    refreshing::{Refreshing, sessions},
    report::Report,
};
use tower_bearer_sqlx::PostgresStore;

use crate::{
    all,
    child::{self, Child},
    driver::OnPostgres,
    latency::{self, Waiting, Waits},
    pgbench::Pgbench,
    swapping::Swapping,
    turn, turns,
};

/// The part of a child that is one of several servers on one database.
pub(crate) const NODE: &str = "postgres-node";

const CLIENTS: usize = 128;
/// Of each pool, which is what a store has that is given an address.
const CONNECTIONS: u32 = 10;
const NODES: usize = 2;
/// A client that is alone goes through so many sessions.
const SESSIONS: usize = 16;

type Refreshes = Vec<Refreshing<PostgresStore>>;

/// The server, and what is connected with it.
struct Bed<'a> {
    runtime: &'a Runtime,
    store: PostgresStore,
    /// For stores of their own, and for the driver alone.
    shared: PgPool,
    stores: Vec<PostgresStore>,
}

pub(crate) fn measure(runtime: &Runtime, effort: Effort, report: &mut Report) {
    let Some(server) = runtime.block_on(Postgres::start_to_measure()) else {
        return skipped("PostgreSQL's initdb is not installed");
    };
    report.origin(origin::program(
        "PostgreSQL",
        server.program("postgres").unwrap_or_default(),
    ));
    let bed = Bed::new(runtime, &server.url());
    let pgbench = runtime.block_on(Pgbench::new(&server, CLIENTS, effort));
    if pgbench.is_none() {
        skipped("pgbench is not installed beside PostgreSQL");
    }
    let mut turns = turns(effort);
    bed.add_swaps(&mut turns);
    bed.add_refreshes(&mut turns);
    add_nodes(&mut turns, &server.url(), turn(effort));
    let has_pgbench = pgbench.is_some();
    if let Some(pgbench) = pgbench {
        turns.add_timed("postgres/pgbench", move |times| pgbench.run(times));
    }
    judge(report, &turns.run(), has_pgbench);
    bed.wait(effort, report);
    latency::measure(runtime, effort, report, "postgres", &bed.store);
}

impl<'a> Bed<'a> {
    fn new(runtime: &'a Runtime, address: &str) -> Self {
        let shared = runtime.block_on(pool(address));
        Self {
            runtime,
            store: runtime.block_on(store(address)),
            // Each has a store of its own, which so never finds two to go together.
            stores: all(runtime, CLIENTS, async || open(&shared).await),
            shared,
        }
    }

    fn add_swaps(&self, turns: &mut Alternation<'a>) {
        let mut swaps = |name: &str, stores: &[PostgresStore]| {
            let swapping = stores.iter().cloned().map(Swapping::new);
            let swapping = swapping.map(|swapping| self.runtime.block_on(swapping));
            Crowd::new(self.runtime, swapping.collect()).join(turns, name);
        };
        swaps("postgres/swap", &vec![self.store.clone(); CLIENTS]);
        swaps("postgres/swap_single", &self.stores);
        Crowd::new(self.runtime, self.driver(CLIENTS)).join(turns, "postgres/driver");
    }

    fn add_refreshes(&self, turns: &mut Alternation<'a>) {
        let single = self.stores.iter().cloned();
        let single = refreshing(self.runtime, single);
        let together = self.refreshing(CLIENTS);
        Crowd::new(self.runtime, together).join(turns, "postgres/refresh");
        Crowd::new(self.runtime, single).join(turns, "postgres/refresh_single");
    }

    /// How long one of all clients waits for a refresh, and one that is alone.
    fn wait(&self, effort: Effort, report: &mut Report) {
        let mut waiting = Waiting::new(self.runtime, self.refreshing(CLIENTS));
        let taken = (0..effort.rounds()).flat_map(|_| waiting.turn(turn(effort)));
        let waits = Waits::new(taken.collect());
        waits.report(report, "postgres/refresh");
        report.row("postgres/refresh/p99/of_p50", waits.spread());

        let (ours, driver) = (self.refreshing(SESSIONS), self.driver(SESSIONS));
        let [refresh, update] = latency::one_client(self.runtime, effort, ours, driver);
        refresh.report(report, "postgres/one_client/refresh");
        update.report(report, "postgres/one_client/update");
        for percent in [50, 99] {
            let name = format!("postgres/one_client/refresh/p{percent}/of_update");
            let ratio = refresh.percentile(percent) / update.percentile(percent);
            report.row(name, ratio);
        }
    }

    fn driver(&self, count: usize) -> Vec<OnPostgres> {
        all(self.runtime, count, async || {
            OnPostgres::new(&self.shared, &self.store).await
        })
    }

    fn refreshing(&self, count: usize) -> Refreshes {
        refreshing(self.runtime, vec![self.store.clone(); count])
    }
}

fn judge(report: &mut Report, figures: &Figures, has_pgbench: bool) {
    for what in ["swap", "swap_single", "driver", "refresh", "refresh_single"] {
        rate(report, figures, &format!("postgres/{what}"), CLIENTS);
    }
    rate(report, figures, "postgres/two_processes", CLIENTS);
    let gain = |what: &str, other: &str| {
        figures.ratio(&format!("postgres/{other}"), &format!("postgres/{what}"))
    };
    report.at_least("postgres/swap/of_single", gain("swap", "swap_single"), 2.5);
    report.row("postgres/swap/of_driver", gain("swap", "driver"));
    let refresh = gain("refresh", "refresh_single");
    report.row("postgres/refresh/of_single", refresh);
    if has_pgbench {
        rate(report, figures, "postgres/pgbench", CLIENTS);
        let refresh = gain("refresh", "pgbench");
        report.at_least("postgres/refresh/of_pgbench", refresh, 2.5);
        let nodes = gain("two_processes", "pgbench");
        report.at_least("postgres/two_processes/of_pgbench", nodes, 2.2);
    }
}

/// Two processes, each with half of the clients. They begin when they are told to, and all is
/// over when the last of them has told what it did.
fn add_nodes(turns: &mut Alternation<'_>, address: &str, turn: Duration) {
    let clients = (CLIENTS / NODES).to_string();
    let node = |_| Child::start(&[NODE, address, &clients]);
    let mut nodes: Vec<Child> = (0..NODES).map(node).collect();
    turns.add_timed("postgres/two_processes", move |times| {
        let start = Instant::now();
        for node in &mut nodes {
            node.begin(turn);
        }
        let done: u64 = nodes.iter_mut().map(Child::done).sum();
        let wanted = times * CLIENTS as u64;
        start.elapsed().mul_f64(wanted as f64 / done.max(1) as f64)
    });
}

/// What one of several servers does.
pub(crate) fn node(runtime: &Runtime, address: &str, clients: &str) -> io::Result<()> {
    let clients = clients.parse().map_err(io::Error::other)?;
    let store = runtime.block_on(store(address));
    let refreshing = refreshing(runtime, vec![store; clients]);
    let mut crowd = Crowd::new(runtime, refreshing);
    child::serve(|time| crowd.run_for(time))
}

fn refreshing(runtime: &Runtime, stores: impl IntoIterator<Item = PostgresStore>) -> Refreshes {
    let refreshing = stores.into_iter().map(|store| {
        let sessions = sessions(store, Algorithm::EdDSA);
        runtime.block_on(Refreshing::new(sessions))
    });
    refreshing.collect()
}

async fn store(address: &str) -> PostgresStore {
    open(&pool(address).await).await
}

async fn open(pool: &PgPool) -> PostgresStore {
    let store = PostgresStore::new(pool.clone()).await;
    store.expect("it opens")
}

async fn pool(address: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect(address)
        .await
        .expect("it connects")
}
