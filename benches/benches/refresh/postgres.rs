//! PostgreSQL that syncs each commit, on this machine.

use sqlx::{PgPool, postgres::PgPoolOptions};
use tests_shared::{servers::postgres::Postgres, skipped};
use tokio::runtime::Runtime;
use tower_bearer::Algorithm;
use tower_bearer_benches::{effort::Effort, report::Report};
use tower_bearer_sqlx::PostgresStore;

use crate::{
    all,
    crowd::{Crowd, rate},
    driver::OnPostgres,
    latency,
    refreshing::{Refreshing, sessions},
    swapping::Swapping,
    turns,
};

const CLIENTS: usize = 128;
/// Of each pool, which is what a store has that is given an address.
const CONNECTIONS: u32 = 10;

pub(crate) fn measure(runtime: &Runtime, effort: Effort, report: &mut Report) {
    let Some(server) = runtime.block_on(Postgres::start_to_measure()) else {
        return skipped("PostgreSQL's initdb is not installed");
    };
    let pool = || runtime.block_on(pool(&server.url()));
    let open = async |pool: &PgPool| {
        let store = PostgresStore::new(pool.clone()).await;
        store.expect("it opens")
    };
    let store = runtime.block_on(open(&pool()));
    let shared = pool();
    // Each has a store of its own, which so never finds two to go together.
    let stores = all(runtime, CLIENTS, async || open(&shared).await);

    let mut turns = turns(effort);
    let mut swaps = |name: &str, stores: &[PostgresStore]| {
        let swapping = stores.iter().cloned().map(Swapping::new);
        let swapping = swapping.map(|swapping| runtime.block_on(swapping));
        Crowd::new(runtime, swapping.collect()).join(&mut turns, format!("postgres/{name}"));
    };
    swaps("swap", &vec![store.clone(); CLIENTS]);
    swaps("swap_single", &stores);
    let driver = all(runtime, CLIENTS, async || {
        OnPostgres::new(&shared, &store).await
    });
    Crowd::new(runtime, driver).join(&mut turns, "postgres/driver".to_owned());
    let mut refreshes = |name: &str, stores: &[PostgresStore]| {
        let sessions = |store: &PostgresStore| sessions(store.clone(), Algorithm::EdDSA);
        let refreshing = stores.iter().map(|store| Refreshing::new(sessions(store)));
        let refreshing = refreshing.map(|refreshing| runtime.block_on(refreshing));
        Crowd::new(runtime, refreshing.collect()).join(&mut turns, format!("postgres/{name}"));
    };
    refreshes("refresh", &vec![store.clone(); CLIENTS]);
    refreshes("refresh_single", &stores);

    let figures = turns.run();
    for what in ["swap", "swap_single", "driver", "refresh", "refresh_single"] {
        rate(report, &figures, &format!("postgres/{what}"), CLIENTS);
    }
    let gain = |what, other| figures.ratio(other, what);
    let swap = gain("postgres/swap", "postgres/swap_single");
    report.at_least("postgres/swap/of_single", swap, 2.5);
    let driver = gain("postgres/swap", "postgres/driver");
    report.row("postgres/swap/of_driver", driver);
    let refresh = gain("postgres/refresh", "postgres/refresh_single");
    report.row("postgres/refresh/of_single", refresh);
    latency::measure(runtime, effort, report, "postgres", &store);
}

async fn pool(address: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect(address)
        .await
        .expect("it connects")
}
