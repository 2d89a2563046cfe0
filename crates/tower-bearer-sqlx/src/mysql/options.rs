use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

use tower_bearer::store::{OpenError, OpenErrorKind};

use super::settings::Settle;

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A connection that was idle for longer than this is tested before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// How [`MySqlStore`](super::MySqlStore) uses a database.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_sqlx::MySqlOptions;
///
/// let options = MySqlOptions::new()
///     .table("sessions")
///     .timeout(Duration::from_secs(2))
///     .max_connections(20);
/// ```
#[derive(Clone, Debug)]
pub struct MySqlOptions {
    pub(super) table: String,
    pub(super) timeout: Duration,
    connections: u32,
}

impl MySqlOptions {
    /// The defaults: the table `tower_bearer_sessions` in the database that the address names, a timeout
    /// of 5 seconds and 10 connections.
    pub fn new() -> Self {
        Self {
            table: "tower_bearer_sessions".to_owned(),
            timeout: Duration::from_secs(5),
            connections: 10,
        }
    }

    /// The name of the table of sessions, of at most 56 characters. Any name will do, as it is quoted. A
    /// second table, with one row, has this name with `_version` added, and that of key rings has it with `_rings`.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// How long a call may take, including its wait for a connection of the pool. After that it
    /// fails as [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout), and its connection is
    /// closed.
    ///
    /// The server stops a statement earlier. After a quarter of this time, rounded up to whole seconds, in
    /// which it has waited for a session that another transaction has locked, the call fails as
    /// [`Busy`](tower_bearer::store::StoreErrorKind::Busy). After half of this time it fails as
    /// `Timeout`; MySQL does that for reads only, MariaDB for writes too.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(SHORTEST, LONGEST);
        self
    }

    /// How many connections a store that was given an address may open, at least 1.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// A pool for a store that was given an address. Each new connection is settled once.
    pub(super) fn pool(&self, connect: MySqlConnectOptions, settle: Settle) -> MySqlPool {
        let pool = MySqlPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(self.timeout)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let settle = AssertSqlSafe(settle.clone());
                Box::pin(async move { connection.execute(settle).await.map(drop) })
            })
            .before_acquire(|connection, used| {
                Box::pin(async move {
                    if used.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            });
        pool.connect_lazy_with(connect)
    }
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads an address. sqlx itself does not look at its scheme.
pub(super) fn parse(address: &str) -> Result<MySqlConnectOptions, OpenError> {
    const WHY: &str = "its address is no MySQL address";
    let wrong = || OpenError::new(OpenErrorKind::Address, WHY);

    if !address.starts_with("mysql://") && !address.starts_with("mariadb://") {
        return Err(wrong());
    }
    address
        .parse()
        .map_err(|error: sqlx::Error| wrong().with_source(error))
}
