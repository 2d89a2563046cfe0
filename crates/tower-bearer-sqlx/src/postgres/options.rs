use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tower_bearer::store::{OpenError, OpenErrorKind};

use super::{connections::Connections, names::Names};

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A connection that was idle for longer than this is tested before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// How [`PostgresStore`](super::PostgresStore) uses a database.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_sqlx::PostgresOptions;
///
/// let options = PostgresOptions::new()
///     .schema("auth")
///     .table("sessions")
///     .timeout(Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    schema: String,
    table: String,
    timeout: Duration,
    connections: u32,
    prepares: bool,
}

impl PostgresOptions {
    /// The defaults: the table `public.tower_bearer_sessions`, a timeout of 5 seconds, 10
    /// connections and prepared statements.
    pub fn new() -> Self {
        Self {
            schema: "public".to_owned(),
            table: "tower_bearer_sessions".to_owned(),
            timeout: Duration::from_secs(5),
            connections: 10,
            prepares: true,
        }
    }

    /// The schema of the tables. It is created if it is missing. Any name of at most 63 bytes is
    /// allowed, as it is quoted.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// The name of the table of sessions, of at most 55 bytes. A second table, with one row, has
    /// this name with `_version` added, and that of key rings has it with `_rings`.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// How long a call may take, including its wait for a connection of the pool. After that it
    /// fails as [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout), and its connection is
    /// closed.
    ///
    /// The server stops a statement earlier. After a quarter of this time in which it has waited
    /// for a session that another transaction has locked, the call fails as
    /// [`Busy`](tower_bearer::store::StoreErrorKind::Busy). After half of this time, it fails as
    /// `Timeout`. The latter does not hold for prepared statements in a pool of the application:
    /// there the `statement_timeout` of the pool's role counts.
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

    /// Whether each statement is prepared once for each connection, which is fastest.
    ///
    /// Turn it off behind a pooler that gives each transaction another server connection and does
    /// not handle prepared statements itself: PgBouncer in transaction mode before 1.21, or
    /// without `max_prepared_statements`. Each statement is then a short transaction of four round
    /// trips, in which the timeouts are set. A pooler that does handle prepared statements must
    /// pass on or ignore the startup parameters `extra_float_digits` and `options`.
    #[must_use]
    pub fn prepared_statements(mut self, prepares: bool) -> Self {
        self.prepares = prepares;
        self
    }

    pub(super) fn names(&self) -> Result<Names, OpenError> {
        Names::new(&self.schema, &self.table)
    }

    /// How long a statement may wait for the lock of a row.
    pub(super) fn lock_timeout(&self) -> Duration {
        self.timeout / 4
    }

    /// How long a statement may take at the server.
    fn statement_timeout(&self) -> u128 {
        (self.timeout / 2).as_millis()
    }

    /// A pool for a store that was given an address.
    pub(super) fn pool(&self, address: &str) -> Result<PgPool, OpenError> {
        let connect = parse(address)?;
        let connect = if self.prepares {
            // With `read committed`, a writer that has waited for another sees what that wrote.
            connect.options([
                ("statement_timeout", self.statement_timeout().to_string()),
                ("default_transaction_isolation", "read committed".to_owned()),
            ])
        } else {
            // A pooler may refuse this parameter, and no column is a float.
            connect.extra_float_digits(None)
        };
        let pool = PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(self.timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, used| {
                Box::pin(async move {
                    if used.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            });
        Ok(pool.connect_lazy_with(connect))
    }

    pub(super) fn connections(&self, pool: PgPool) -> Connections {
        let wait = self.statement_timeout();
        let begin = (!self.prepares).then(|| {
            Arc::from(format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {wait}; \
                 SET LOCAL idle_in_transaction_session_timeout = {wait}"
            ))
        });
        Connections {
            pool,
            timeout: self.timeout,
            begin,
        }
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn parse(address: &str) -> Result<PgConnectOptions, OpenError> {
    const WHY: &str = "its address is no PostgreSQL address";
    let wrong = || OpenError::new(OpenErrorKind::Address, WHY);

    if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
        return Err(wrong());
    }
    address
        .parse()
        .map_err(|error: sqlx::Error| wrong().with_source(error))
}
