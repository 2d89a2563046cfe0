//! SQLite that syncs each commit (`synchronous = FULL`).

use std::path::PathBuf;

use sqlx::{
    AssertSqlSafe, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tower_bearer::{clock::Timestamp, store::Record};
use tower_bearer_benches::{effort::Effort, report::Report};
use tower_bearer_sqlx::SqliteStore;

use crate::{
    columns::{SESSIONS, expressions},
    measure::growth,
    size::Sizes,
    table::{Table, delete_expired, keep},
    wear,
};

const CLIENTS: usize = 64;
/// Of a copy: it came in the same millisecond.
const ID: &str = "unhex(substr(hex(alike.id), 1, 13) || substr(hex(randomblob(16)), 14))";
/// As long as a UUID.
const SUBJECT: &str = "lower(hex(randomblob(18)))";

struct OnSqlite {
    store: SqliteStore,
    file: PathBuf,
}

pub(crate) async fn measure(sizes: &Sizes, effort: Effort, report: &mut Report) {
    let directory = tempfile::tempdir().expect("a directory");
    let open = async |name: String| OnSqlite::open(directory.path().join(name)).await;
    let table = open("wear".to_owned()).await;
    wear::measure("sqlite", CLIENTS, effort, report, &table).await;
    growth("sqlite", CLIENTS, sizes, effort, report, open).await;
}

impl OnSqlite {
    async fn open(file: PathBuf) -> Self {
        let store = SqliteStore::connect(file.to_str().expect("a path in UTF-8")).await;
        Self {
            store: store.expect("it opens"),
            file,
        }
    }

    async fn connect(&self, journal: SqliteJournalMode) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .journal_mode(journal)
            .synchronous(SqliteSynchronous::Off)
            // In kibibytes: enough for the indexes, to which sessions come in no order.
            .pragma("cache_size", "-4000000");
        SqliteConnection::connect_with(&options)
            .await
            .expect("it connects")
    }
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    run.execute(connection).await.expect("it runs");
}

async fn columns(connection: &mut SqliteConnection) -> Vec<String> {
    let columns = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(SESSIONS);
    columns.fetch_all(connection).await.expect("the columns")
}

/// A table of the numbers up to this one.
fn numbers(last: usize) -> String {
    format!(
        "WITH RECURSIVE numbers (number) AS (
            SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {last}
        )"
    )
}

impl Table for OnSqlite {
    type Store = SqliteStore;

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    // Without a journal, which nobody but the filling of a table can do.
    async fn fill(&mut self, records: &[Record], times: usize) {
        keep(&self.store, records).await;
        self.store.close().await;
        let mut connection = self.connect(SqliteJournalMode::Off).await;
        let id = format!("CASE number WHEN 1 THEN alike.id ELSE {ID} END");
        let subject = format!("CASE number WHEN 1 THEN alike.subject ELSE {SUBJECT} END");
        let columns = columns(&mut connection).await;
        let copy = expressions(&columns, &[("id", &id), ("subject", &subject)]);
        let numbers = numbers(times);
        let multiply = format!(
            "CREATE TEMP TABLE alike AS SELECT * FROM {SESSIONS} ORDER BY id;
            BEGIN IMMEDIATE;
            DELETE FROM {SESSIONS};
            {numbers} INSERT INTO {SESSIONS} SELECT {copy} FROM alike CROSS JOIN numbers;
            COMMIT"
        );
        run(&mut connection, &multiply).await;
        connection.close().await.expect("it closes");
        *self = Self::open(self.file.clone()).await;
    }

    async fn add_ending(&self, alike: &Record, count: usize, ends_at: Timestamp) {
        let mut connection = self.connect(SqliteJournalMode::Wal).await;
        let ends_at = ends_at.as_millis().to_string();
        let others = [
            ("id", ID),
            ("subject", SUBJECT),
            ("expires_at", &ends_at),
            ("ends_at", &ends_at),
        ];
        let copy = expressions(&columns(&mut connection).await, &others);
        let (numbers, id) = (numbers(count), alike.session.id.as_uuid().simple());
        let add = format!(
            "{numbers} INSERT INTO {SESSIONS} SELECT {copy}
            FROM {SESSIONS} AS alike CROSS JOIN numbers WHERE alike.id = x'{id}'"
        );
        run(&mut connection, &add).await;
        connection.close().await.expect("it closes");
    }

    // The log goes to the file.
    async fn settle(&self) {
        let mut connection = self.connect(SqliteJournalMode::Wal).await;
        loop {
            // It is busy while the store brings the log to the file.
            let checkpoint = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)");
            let (is_busy, _, _): (bool, i64, i64) = checkpoint
                .fetch_one(&mut connection)
                .await
                .expect("it runs");
            if !is_busy {
                break;
            }
        }
        connection.close().await.expect("it closes");
    }

    async fn bytes(&self) -> u64 {
        self.settle().await;
        self.file.metadata().expect("a file").len()
    }

    async fn clean_up(&self) -> usize {
        delete_expired(&self.store).await
    }
}
