//! PostgreSQL that syncs each commit, on this machine.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tests_shared::{servers::postgres::Postgres, skipped};
use tower_bearer::{clock::Timestamp, store::Record};
use tower_bearer_benches::{effort::Effort, origin, report::Report};
use tower_bearer_sqlx::PostgresStore;

use crate::{
    columns::{SESSIONS, expressions},
    measure::growth,
    size::Sizes,
    table::{Table, delete_expired, keep},
    wear,
};

const CLIENTS: usize = 128;
/// As for a database of this size on a machine of its own, and autovacuum as it is by default.
/// The filling of a table leaves no checkpoint for the turns that follow.
const SETTINGS: [(&str, &str); 4] = [
    ("shared_buffers", "4GB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "30min"),
    ("autovacuum_naptime", "1min"),
];
/// Of a copy: it came in the same millisecond.
const ID: &str = "(left(alike.id::text, 15) || substr(gen_random_uuid()::text, 16))::uuid";
const SUBJECT: &str = "convert_to(gen_random_uuid()::text, 'UTF8')";

struct OnPostgres {
    store: PostgresStore,
    pool: PgPool,
}

pub(crate) async fn measure(sizes: &Sizes, effort: Effort, report: &mut Report) {
    let settings = effort.pick(&SETTINGS[..], &[]);
    let Some(server) = Postgres::start_to_measure_with(settings).await else {
        return skipped("PostgreSQL's initdb is not installed");
    };
    report.origin(origin::program(
        "PostgreSQL",
        server.program("postgres").unwrap_or_default(),
    ));
    let open = async |name: String| OnPostgres::open(&server.database(&name).await).await;
    let table = open("wear".to_owned()).await;
    let refreshes = wear::measure("postgres", CLIENTS, effort, report, &table).await;
    report.row("postgres/hot_updates", table.hot_share(refreshes).await);
    growth("postgres", CLIENTS, sizes, effort, report, open).await;
}

impl OnPostgres {
    async fn open(address: &str) -> Self {
        let store = PostgresStore::connect(address).await;
        let pool = PgPoolOptions::new().max_connections(1).connect(address);
        Self {
            store: store.expect("it opens"),
            pool: pool.await.expect("it connects"),
        }
    }

    async fn run(&self, sql: &str) {
        let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        run.execute(&self.pool).await.expect("it runs");
    }

    async fn columns(&self) -> Vec<String> {
        let columns = "SELECT attname::text FROM pg_attribute
            WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
        let columns = sqlx::query_scalar(columns).bind(SESSIONS);
        columns.fetch_all(&self.pool).await.expect("the columns")
    }

    /// The share of the updates that wrote to no index. The store's connections tell of theirs as
    /// they are closed.
    async fn hot_share(&self, updates: usize) -> f64 {
        self.store.close().await;
        let all = i64::try_from(updates).expect("not so many");
        let deadline = Instant::now() + Duration::from_secs(10);
        let told = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1";
        loop {
            let told = sqlx::query_as(told).bind(SESSIONS).fetch_one(&self.pool);
            let (told, hot): (i64, i64) = told.await.expect("the statistics");
            if told >= all {
                return hot as f64 / told as f64;
            }
            assert!(
                Instant::now() < deadline,
                "{told} of {all} updates were told"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Table for OnPostgres {
    type Store = PostgresStore;

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn fill(&mut self, records: &[Record], times: usize) {
        keep(&self.store, records).await;
        let id = format!("CASE number WHEN 1 THEN alike.id ELSE {ID} END");
        let subject = format!("CASE number WHEN 1 THEN alike.subject ELSE {SUBJECT} END");
        let copy = expressions(&self.columns().await, &[("id", &id), ("subject", &subject)]);
        self.run(&format!(
            "BEGIN;
            CREATE TEMP TABLE alike ON COMMIT DROP AS SELECT * FROM {SESSIONS} ORDER BY id;
            TRUNCATE {SESSIONS};
            INSERT INTO {SESSIONS} SELECT {copy} FROM alike, generate_series(1, {times}) AS number;
            COMMIT"
        ))
        .await;
    }

    async fn add_ending(&self, alike: &Record, count: usize, ends_at: Timestamp) {
        let ends_at = format!("{}::bigint", ends_at.as_millis());
        let others = [
            ("id", ID),
            ("subject", SUBJECT),
            ("expires_at", &ends_at),
            ("ends_at", &ends_at),
        ];
        let copy = expressions(&self.columns().await, &others);
        let id = alike.session.id;
        self.run(&format!(
            "INSERT INTO {SESSIONS} SELECT {copy}
            FROM {SESSIONS} AS alike, generate_series(1, {count}) WHERE alike.id = '{id}'"
        ))
        .await;
    }

    // What autovacuum does a minute later.
    async fn settle(&self) {
        self.run(&format!("VACUUM (ANALYZE) {SESSIONS}")).await;
        self.run("CHECKPOINT").await;
    }

    async fn bytes(&self) -> u64 {
        let bytes = sqlx::query_scalar("SELECT pg_total_relation_size($1::regclass)");
        let bytes: i64 = bytes
            .bind(SESSIONS)
            .fetch_one(&self.pool)
            .await
            .expect("a size");
        bytes.unsigned_abs()
    }

    async fn clean_up(&self) -> usize {
        delete_expired(&self.store).await
    }
}
