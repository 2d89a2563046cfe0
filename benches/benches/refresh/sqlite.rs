//! SQLite that syncs each commit (`synchronous = FULL`).

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::runtime::Runtime;
use tower_bearer::Algorithm;
use tower_bearer_benches::{
    alternation::Alternation,
    crowd::{Crowd, rate},
    effort::Effort,
    figures::Figures,
    refreshing::{Refreshing, Ticking, sessions},
    report::Report,
};
use tower_bearer_sqlx::SqliteStore;

use crate::{
    all,
    child::{self, Child},
    driver::OnSqlite,
    latency::{self, Waiting, Waits},
    swapping::Swapping,
    turn, turns,
};

/// The part of a child that writes to the same file.
pub(crate) const WRITER: &str = "sqlite-writer";

const CLIENTS: usize = 64;
/// How long a connection waits for another's write, as is usual.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The file, and what has it open.
struct Bed<'a> {
    runtime: &'a Runtime,
    store: SqliteStore,
    /// For stores of their own, and for the driver alone.
    pool: SqlitePool,
}

pub(crate) fn measure(runtime: &Runtime, effort: Effort, report: &mut Report) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("sessions.db");
    let bed = Bed::new(runtime, &file);
    let mut turns = turns(effort);
    bed.add_swaps(&mut turns);
    Crowd::new(runtime, bed.refreshing()).join(&mut turns, "sqlite/refresh");
    judge(report, &turns.run());
    bed.wait(effort, report, &file);
    latency::measure(runtime, effort, report, "sqlite", &bed.store);
}

impl<'a> Bed<'a> {
    fn new(runtime: &'a Runtime, file: &Path) -> Self {
        let address = file.to_str().expect("a path in UTF-8");
        let store = runtime.block_on(SqliteStore::connect(address));
        Self {
            runtime,
            store: store.expect("it opens").with_clock(Ticking::new()),
            pool: runtime.block_on(pool(address)),
        }
    }

    fn add_swaps(&self, turns: &mut Alternation<'a>) {
        let together = all(self.runtime, CLIENTS, async || {
            Swapping::new(self.store.clone()).await
        });
        Crowd::new(self.runtime, together).join(turns, "sqlite/swap");
        // Each has a store of its own, which so never finds two to go together.
        let single = all(self.runtime, CLIENTS, async || {
            let store = SqliteStore::new(self.pool.clone()).await;
            Swapping::new(store.expect("it opens")).await
        });
        Crowd::new(self.runtime, single).join(turns, "sqlite/swap_single");
        let driver = all(self.runtime, CLIENTS, async || {
            OnSqlite::new(&self.pool, &self.store).await
        });
        Crowd::new(self.runtime, driver).join(turns, "sqlite/driver");
    }

    fn refreshing(&self) -> Vec<Refreshing<SqliteStore>> {
        let sessions = sessions(self.store.clone(), Algorithm::EdDSA);
        all(self.runtime, CLIENTS, async || {
            Refreshing::new(sessions.clone()).await
        })
    }

    /// How long one of all clients waits for a refresh, in turns with and without another process
    /// that writes.
    fn wait(&self, effort: Effort, report: &mut Report, file: &Path) {
        let mut waiting = Waiting::new(self.runtime, self.refreshing());
        let mut writer = Child::start(&[WRITER, file.to_str().expect("a path in UTF-8")]);
        let (mut quiet, mut beside) = (Vec::new(), Vec::new());
        let (mut written, mut writing) = (0, Duration::ZERO);
        for _ in 0..effort.rounds() {
            quiet.extend(waiting.turn(turn(effort)));
            let start = Instant::now();
            writer.begin(turn(effort));
            beside.extend(waiting.turn(turn(effort)));
            written += writer.done();
            writing += start.elapsed();
        }
        let writes = written as f64 / writing.as_secs_f64();
        report.row("sqlite/refresh/beside_writer/writes_per_s", writes);
        let names = ["sqlite/refresh", "sqlite/refresh/beside_writer"];
        for (name, taken) in names.into_iter().zip([quiet, beside]) {
            let waits = Waits::new(taken);
            waits.report(report, name);
            report.at_most(format!("{name}/p99/of_p50"), waits.spread(), 3.0);
        }
    }
}

fn judge(report: &mut Report, figures: &Figures) {
    for what in ["swap", "swap_single", "driver", "refresh"] {
        rate(report, figures, &format!("sqlite/{what}"), CLIENTS);
    }
    let gain = |what: &str, other: &str| {
        figures.ratio(&format!("sqlite/{other}"), &format!("sqlite/{what}"))
    };
    report.at_least("sqlite/swap/of_single", gain("swap", "swap_single"), 4.0);
    report.row("sqlite/swap/of_driver", gain("swap", "driver"));
    let refresh = gain("refresh", "swap_single");
    report.at_least("sqlite/refresh/of_single", refresh, 4.0);
}

/// What another process does: each of its writes is a transaction, and one follows the other.
pub(crate) fn writer(runtime: &Runtime, file: &str) -> io::Result<()> {
    const TABLE: &str =
        "CREATE TABLE IF NOT EXISTS others (id INTEGER PRIMARY KEY, version INTEGER)";
    const WRITE: &str = "INSERT INTO others VALUES (?1, 0)
        ON CONFLICT (id) DO UPDATE SET version = version + 1";
    let pool = runtime.block_on(pool(file));
    let made = runtime.block_on(sqlx::query(TABLE).execute(&pool));
    made.map_err(io::Error::other)?;
    let mut written = 0;
    child::serve(|time| {
        let (start, before) = (Instant::now(), written);
        runtime.block_on(async {
            while start.elapsed() < time {
                let write = sqlx::query(WRITE).bind(written as i64 % 100);
                write.execute(&pool).await.expect("it writes");
                written += 1;
            }
        });
        written - before
    })
}

/// One connection, as the store's own writer is.
async fn pool(address: &str) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(address)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .expect("it connects")
}
