//! What is PostgreSQL's own, on a server that the test starts.

mod conforming;
mod durable;
mod grouping;
mod loading;
mod locking;
mod opening;
mod planning;
mod pooling;
mod primary;
mod refusing;
mod rings;
mod rows;
mod silent;

use std::{collections::HashSet, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use tests_shared::servers::{pgbouncer::PgBouncer, postgres::Postgres};
use tokio::{task::JoinSet, time::Instant};
use tower_bearer::{
    SessionId,
    store::{
        Cursor, EndReason, Ended, OpenErrorKind, Record, RingStore, SealedRing, Session,
        SessionSecret, SessionState, SessionStore, StoreError, StoreErrorKind, Swap,
    },
};
use tower_bearer_sqlx::{PostgresOptions, PostgresStore};
use uuid::Uuid;

use self::rows::*;

const ISSUER: &str = "https://id.example";
const HOUR: Duration = Duration::from_secs(3_600);

async fn open(url: &str) -> PostgresStore {
    open_with(url, PostgresOptions::new()).await
}

/// For tests in which somebody waits for a lock that the test takes away when it has seen that: a quarter of this is
/// more than it takes on a busy machine.
fn patient() -> PostgresOptions {
    PostgresOptions::new().timeout(Duration::from_secs(240))
}

async fn open_with(url: &str, options: PostgresOptions) -> PostgresStore {
    let store = PostgresStore::connect_with(url, options).await;
    store.expect("the store opens")
}

async fn refused(
    opening: impl Future<Output = Result<PostgresStore, tower_bearer::store::OpenError>>,
) -> String {
    let error = opening.await.expect_err("the store is refused").to_string();
    let why = error.strip_prefix("the store cannot be opened: ");
    why.expect("what cannot be done").to_owned()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    let run = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    run.expect("the statement runs");
}

/// What a query of the superuser's tells.
async fn told<T>(server: &Postgres, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    let mut connection = server.connection().await;
    let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    query.fetch_one(&mut connection).await.expect("an answer")
}

/// Waits, a minute at most, until that many of the server's connections wait for a lock.
async fn blocked(server: &Postgres, connections: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while told::<i64>(server, waiting).await != connections {
        assert!(Instant::now() < deadline, "not {connections} are blocked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
