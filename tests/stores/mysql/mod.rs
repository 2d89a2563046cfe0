//! What is MySQL's and MariaDB's own, on a MariaDB server that the test starts.

mod conforming;
mod galera;
mod locking;
mod opening;
mod planning;
mod primary;
mod refusing;
mod rings;
mod rows;
mod settings;

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, Connection, MySql, MySqlConnection, MySqlPool, mysql::MySqlPoolOptions};
use tests_shared::servers::mariadb::MariaDb;
use tokio::{task::JoinSet, time::Instant};
use tower_bearer::{
    SessionId,
    store::{
        EndReason, Ended, Record, RingStore, SealedRing, Session, SessionSecret, SessionState,
        SessionStore, StoreError, StoreErrorKind, Swap,
    },
};
use tower_bearer_sqlx::{MySqlOptions, MySqlStore};
use uuid::Uuid;

use self::rows::*;

const ISSUER: &str = "https://id.example";
const HOUR: Duration = Duration::from_secs(3_600);

async fn open(url: &str) -> MySqlStore {
    open_with(url, MySqlOptions::new()).await
}

/// For tests in which somebody waits for a lock that the test takes away when it has seen that: a quarter of this is
/// more than it takes on a busy machine.
fn patient() -> MySqlOptions {
    MySqlOptions::new().timeout(Duration::from_secs(240))
}

async fn open_with(url: &str, options: MySqlOptions) -> MySqlStore {
    let store = MySqlStore::connect_with(url, options).await;
    store.expect("the store opens")
}

async fn refused(
    opening: impl Future<Output = Result<MySqlStore, tower_bearer::store::OpenError>>,
) -> String {
    let error = opening.await.expect_err("the store is refused").to_string();
    let why = error.strip_prefix("the store cannot be opened: ");
    why.expect("what cannot be done").to_owned()
}

async fn run(connection: &mut MySqlConnection, sql: &str) {
    let run = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    run.expect("the statement runs");
}

/// What a query of the superuser's tells.
async fn told<T>(server: &MariaDb, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, MySql> + sqlx::Type<MySql> + Send + Unpin,
{
    let mut connection = server.connection().await;
    let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    query.fetch_one(&mut connection).await.expect("an answer")
}

/// Waits, a minute at most, until that many transactions wait for a lock.
async fn blocked(server: &MariaDb, transactions: i64) {
    let waiting =
        "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while told::<i64>(server, waiting).await != transactions {
        assert!(Instant::now() < deadline, "not {transactions} are blocked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The identifiers of the store's connections to the server.
async fn connections(server: &MariaDb) -> Vec<i64> {
    let mut connection = server.connection().await;
    let list = "SELECT id FROM information_schema.processlist WHERE user = 'app' ORDER BY id";
    let list = sqlx::query_scalar(list).fetch_all(&mut connection).await;
    list.expect("a list")
}
