//! A store by a clock of the test's own keeps the contract, whatever store it is, and whoever's clock the
//! store goes by itself.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

#[cfg(unix)]
use tests_shared::servers::{mariadb::MariaDb, postgres::Postgres, redis::Redis};
use tower_bearer::{
    clock::{ManualClock, Timestamp},
    store::{MemoryStore, SessionStore},
    testing::ClockedStore,
};
use tower_bearer_conformance::{Failure, Fixture, failures};
#[cfg(unix)]
use tower_bearer_redis::{RedisOptions, RedisStore};
use tower_bearer_sqlx::SqliteStore;
#[cfg(unix)]
use tower_bearer_sqlx::{MySqlOptions, MySqlStore, PostgresOptions, PostgresStore};

use crate::turned::turned;

/// What a wrapper cannot do, as its docs say: the row that it hides has the identifier still. The second case
/// takes the same identifiers in each of its rounds, and passes where there is only one.
const KNOWN: &[&str] = &[
    "cleaning::a_deleted_identifier_is_free_again",
    "racing::many_clean_ups_delete_each_session_once",
];

struct Clocked<St> {
    store: ClockedStore<St>,
    peer: ClockedStore<St>,
    clock: ManualClock,
    slowness: u32,
}

impl<St: SessionStore + Clone> Fixture for Clocked<St> {
    type Store = ClockedStore<St>;

    fn store(&self) -> &ClockedStore<St> {
        &self.store
    }

    fn peer(&self) -> &ClockedStore<St> {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn deletes_by_itself(&self) -> bool {
        true
    }

    fn histories(&self) -> u32 {
        100 / self.slowness
    }

    fn repetitions_divided_by(&self) -> u32 {
        self.slowness
    }
}

/// Runs the suite. The numbers tell the tables of the cases apart.
async fn check<St: SessionStore + Clone>(
    slowness: u32,
    known: &[&str],
    open: impl AsyncFn(u32) -> St,
) {
    let cases = AtomicU32::new(0);
    // Far from the time of the server.
    let start = Timestamp::from_secs(1_000_000);
    let failures = failures(async || {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        let clock = ManualClock::new(start);
        Clocked {
            store: ClockedStore::new(open(case).await, clock.clone()),
            peer: ClockedStore::new(open(case).await, clock.clone()),
            clock,
            slowness,
        }
    })
    .await;
    for failure in &failures {
        println!("{failure}");
    }
    let failed: Vec<_> = failures.iter().map(|Failure { case, .. }| *case).collect();
    assert_eq!(failed, known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    let stores = std::sync::Mutex::new(std::collections::HashMap::new());
    check(1, KNOWN, async |case| {
        let mut stores = stores.lock().unwrap();
        stores.entry(case).or_insert_with(MemoryStore::new).clone()
    })
    .await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_the_contract() {
    let Some(server) = Redis::start().await else {
        return;
    };
    check(10, &KNOWN[..1], async |case| {
        let options = RedisOptions::new().timeout(Duration::from_secs(20));
        let options = options.prefix(format!("case {case}:"));
        RedisStore::connect_with(&server.url(), options)
            .await
            .unwrap()
    })
    .await;
}

#[tokio::test]
async fn sessions_in_memory_go_by_the_clock_that_is_turned() {
    turned(MemoryStore::new()).await;
}

/// The whole contract takes many minutes on a disk, as each end of ten thousand is a load and a swap, and a commit.
#[tokio::test]
async fn sessions_in_sqlite_go_by_the_clock_that_is_turned() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    turned(SqliteStore::connect(&url).await.unwrap()).await;
}

#[cfg(unix)]
#[tokio::test]
async fn sessions_in_postgres_go_by_the_clock_that_is_turned() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let options = PostgresOptions::new().timeout(Duration::from_secs(20));
    let store = PostgresStore::connect_with(&server.url(), options).await;
    turned(store.unwrap()).await;
}

#[cfg(unix)]
#[tokio::test]
async fn sessions_in_mariadb_go_by_the_clock_that_is_turned() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let options = MySqlOptions::new().timeout(Duration::from_secs(20));
    let store = MySqlStore::connect_with(&server.url(), options).await;
    turned(store.unwrap()).await;
}
