//! What is SQLite's own: the file, its locks, its faults and its schema.

mod faults;
mod opening;
mod rows;
mod sharing;

use std::{future::Future, path::Path, str::FromStr, time::Duration};

use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::Instant};
use tower_bearer::{
    SessionId,
    store::{
        EndReason, Record, RingStore, SealedRing, Session, SessionSecret, SessionState,
        SessionStore, StoreErrorKind, Swap,
    },
};
use tower_bearer_sqlx::{SqliteOptions, SqliteStore};
use uuid::Uuid;

use self::rows::*;
use crate::support::{START, Setup};

const ISSUER: &str = "https://id.example";

pub(crate) async fn in_a_file() -> Setup<SqliteStore> {
    let (directory, url) = place();
    let store = SqliteStore::connect(&url).await.expect("the store opens");
    let peer = SqliteStore::connect(&url).await.expect("the store opens");
    Setup::new(|clock| store.with_clock(clock))
        .with_peer(|clock| peer.with_clock(clock))
        .keeping(directory)
}

pub(crate) async fn in_memory() -> Setup<SqliteStore> {
    let store = SqliteStore::connect("sqlite::memory:")
        .await
        .expect("the store opens");
    Setup::new(|clock| store.with_clock(clock))
}

/// A directory that goes with the test, and the URL of a database in it.
fn place() -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}", directory.path().join("app.db").display());
    (directory, url)
}

async fn open(url: &str) -> Setup<SqliteStore> {
    let store = SqliteStore::connect(url).await.expect("the store opens");
    Setup::new(|clock| store.with_clock(clock))
}

/// A pool of the application's own, with one connection.
async fn pool(options: SqliteConnectOptions) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1);
    pool.connect_with(options.create_if_missing(true))
        .await
        .expect("the pool connects")
}

async fn over(pool: SqlitePool) -> Setup<SqliteStore> {
    let store = SqliteStore::new(pool).await.expect("the store opens");
    Setup::new(|clock| store.with_clock(clock))
}

fn options(url: &str) -> SqliteConnectOptions {
    SqliteConnectOptions::from_str(url).expect("a URL")
}

async fn connection(url: &str) -> SqliteConnection {
    SqliteConnection::connect(url).await.expect("a connection")
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql)
        .execute(connection)
        .await
        .expect("the statement runs");
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(connection)
        .await
        .expect("a number")
}

async fn refused(
    opening: impl Future<Output = Result<SqliteStore, tower_bearer::store::OpenError>>,
) -> String {
    let error = opening.await.expect_err("the store is refused").to_string();
    let why = error.strip_prefix("the store cannot be opened: ");
    why.expect("what cannot be done").to_owned()
}
