//! SQLite that syncs each commit (`synchronous = FULL`).

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::runtime::Runtime;
use tower_bearer::Algorithm;
use tower_bearer_benches::{effort::Effort, report::Report};
use tower_bearer_sqlx::SqliteStore;

use crate::{
    all,
    crowd::{Crowd, rate},
    driver::OnSqlite,
    latency,
    refreshing::{Refreshing, Ticking, sessions},
    swapping::Swapping,
    turns,
};

const CLIENTS: usize = 64;

pub(crate) fn measure(runtime: &Runtime, effort: Effort, report: &mut Report) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("sessions.db");
    let address = file.to_str().expect("a path in UTF-8");
    let store = runtime.block_on(SqliteStore::connect(address));
    let store = store.expect("it opens").with_clock(Ticking::new());
    let pool = runtime.block_on(pool(address));

    let mut turns = turns(effort);
    let together = all(runtime, CLIENTS, async || {
        Swapping::new(store.clone()).await
    });
    Crowd::new(runtime, together).join(&mut turns, "sqlite/swap".to_owned());
    // Each has a store of its own, which so never finds two to go together.
    let single = all(runtime, CLIENTS, async || {
        let store = SqliteStore::new(pool.clone()).await.expect("it opens");
        Swapping::new(store).await
    });
    Crowd::new(runtime, single).join(&mut turns, "sqlite/swap_single".to_owned());
    let driver = all(runtime, CLIENTS, async || {
        OnSqlite::new(&pool, &store).await
    });
    Crowd::new(runtime, driver).join(&mut turns, "sqlite/driver".to_owned());
    let sessions = sessions(store.clone(), Algorithm::EdDSA);
    let refreshing = all(runtime, CLIENTS, async || {
        Refreshing::new(sessions.clone()).await
    });
    Crowd::new(runtime, refreshing).join(&mut turns, "sqlite/refresh".to_owned());

    let figures = turns.run();
    for what in ["swap", "swap_single", "driver", "refresh"] {
        rate(report, &figures, &format!("sqlite/{what}"), CLIENTS);
    }
    let gain = |other| figures.ratio(other, "sqlite/swap");
    report.at_least("sqlite/swap/of_single", gain("sqlite/swap_single"), 4.0);
    report.row("sqlite/swap/of_driver", gain("sqlite/driver"));
    latency::measure(runtime, effort, report, "sqlite", &store);
}

/// One connection, as the store's own writer is.
async fn pool(address: &str) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(address)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .expect("it connects")
}
