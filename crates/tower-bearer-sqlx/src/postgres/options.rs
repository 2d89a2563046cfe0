use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tower_bearer::store::{OpenError, OpenErrorKind};

use super::{connections::Connections, names::Names};

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A connection that was idle for longer is asked whether it is still there.
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
    /// The defaults: the table `public.tower_bearer_sessions`, 5 seconds, 10 connections and
    /// prepared statements.
    pub fn new() -> Self {
        Self {
            schema: "public".to_owned(),
            table: "tower_bearer_sessions".to_owned(),
            timeout: Duration::from_secs(5),
            connections: 10,
            prepares: true,
        }
    }

    /// The schema that the tables are in. It is made where it is missing. Any name of at most 63
    /// bytes will do: it is quoted.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// The name of the sessions' table, of at most 55 bytes. A second table, of one row, has
    /// the same name with `_version` after it.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// How long a call takes at most, with its wait for a connection of the pool. After that it
    /// is a [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout) and the connection is closed.
    ///
    /// The server gets less: a statement that waits a quarter of it for a session which another
    /// transaction has locked is ended there, as [`Busy`](tower_bearer::store::StoreErrorKind::Busy),
    /// and one that takes half of it for whatever reason, as a `Timeout`. With prepared
    /// statements in a pool of the application's own, the latter is up to the
    /// `statement_timeout` of its role.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(SHORTEST, LONGEST);
        self
    }

    /// How many connections a store opens at most that was given an address, at least 1.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Whether statements are prepared once for each connection, which is fastest.
    ///
    /// Turn it off behind a pooler that gives each transaction another server and does not
    /// prepare on the clients' behalf (PgBouncer in transaction mode before 1.21, or without
    /// `max_prepared_statements`). Each statement is then a short transaction of four round
    /// trips, with the timeouts set in it. A pooler that does prepare has to let the startup
    /// parameters `extra_float_digits` and `options` through, or ignore them.
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

    /// Connections of the store's own.
    pub(super) fn pool(&self, address: &str) -> Result<PgPool, OpenError> {
        let connect = parse(address)?;
        let connect = if self.prepares {
            // A writer that has lost a race is to see the row as it has become.
            connect.options([
                ("statement_timeout", self.statement_timeout().to_string()),
                ("default_transaction_isolation", "read committed".to_owned()),
            ])
        } else {
            // A pooler knows nothing of it, and no number here is a float.
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
