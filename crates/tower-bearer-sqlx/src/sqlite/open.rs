//! From an address to connections.

use std::{fs::OpenOptions, path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, sleep};

use tower_bearer::store::{OpenError, OpenErrorKind, StoreErrorKind};

use super::{error, schema::failed};

const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// How [`SqliteStore::connect_with`](super::SqliteStore::connect_with) opens a database.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_sqlx::SqliteOptions;
///
/// let options = SqliteOptions::new().busy_timeout(Duration::from_secs(2)).readers(8);
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    busy_timeout: Duration,
    readers: u32,
}

impl SqliteOptions {
    /// The defaults: 5 seconds and 4 readers.
    pub fn new() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: 4,
        }
    }

    /// How long a call waits for the lock of another process that writes, and how long for its
    /// turn in this one (there a second at least). After that it is
    /// [`Busy`](StoreErrorKind::Busy) or a [`Timeout`](StoreErrorKind::Timeout).
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST_WAIT);
        self
    }

    /// How many calls read at the same time, at least 1. A database in memory has one
    /// connection for everything.
    #[must_use]
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Connections that are kept: there is no server that would tire of them.
    fn pool(&self, connections: u32) -> SqlitePoolOptions {
        PoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(self.busy_timeout.max(Duration::from_secs(1)))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// One connection that writes, so that the writers of this process queue in it and not at
/// SQLite's lock, which is not fair; and some that read.
pub(super) struct Pools {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

impl Pools {
    pub(super) fn one(pool: SqlitePool) -> Self {
        Self {
            readers: pool.clone(),
            writer: pool,
        }
    }
}

enum Mode {
    /// Made if it is missing.
    Create,
    /// Has to be there.
    Existing,
    ReadOnly,
    Memory,
}

pub(super) async fn open(address: &str, options: &SqliteOptions) -> Result<Pools, OpenError> {
    let (connect, mode) = parse(address)?;
    let connect = connect
        .busy_timeout(options.busy_timeout)
        .synchronous(SqliteSynchronous::Full);
    match mode {
        // More connections would see other databases, or lock each other out of a shared one.
        Mode::Memory => {
            let pool = options
                .pool(1)
                .connect_with(connect)
                .await
                .map_err(failed)?;
            Ok(Pools::one(pool))
        }
        Mode::ReadOnly => {
            let pool = options.pool(options.readers).connect_with(connect).await;
            Ok(Pools::one(pool.map_err(failed)?))
        }
        Mode::Create => {
            create(connect.get_filename())?;
            open_file(connect, options).await
        }
        Mode::Existing => open_file(connect, options).await,
    }
}

async fn open_file(
    connect: SqliteConnectOptions,
    options: &SqliteOptions,
) -> Result<Pools, OpenError> {
    // A file that is deleted under a running server is an error, not a new empty database.
    let connect = connect.create_if_missing(false).shared_cache(false);
    let write_ahead = connect.clone().journal_mode(SqliteJournalMode::Wal);
    let writer = connect_patiently(options, &write_ahead).await?;
    let readers = options
        .pool(options.readers)
        .connect_lazy_with(connect.pragma("query_only", "1"));
    Ok(Pools { writer, readers })
}

/// The change to the write-ahead log needs a lock that SQLite does not wait for.
async fn connect_patiently(
    options: &SqliteOptions,
    connect: &SqliteConnectOptions,
) -> Result<SqlitePool, OpenError> {
    let deadline = Instant::now() + options.busy_timeout;
    loop {
        match options.pool(1).connect_with(connect.clone()).await {
            Err(failure)
                if error::kind(&failure) == StoreErrorKind::Busy && Instant::now() < deadline =>
            {
                sleep(Duration::from_millis(20)).await;
            }
            outcome => return outcome.map_err(failed),
        }
    }
}

fn parse(address: &str) -> Result<(SqliteConnectOptions, Mode), OpenError> {
    let url = match address.strip_prefix("sqlite:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if address == ":memory:" => address,
        None if address.is_empty() => return Err(no_file()),
        None if address.contains("://") => {
            return Err(OpenError::new(
                OpenErrorKind::Address,
                "its address is no SQLite address",
            ));
        }
        None => return Ok((SqliteConnectOptions::new().filename(address), Mode::Create)),
    };
    let (file, parameters) = url.split_once('?').unwrap_or((url, ""));
    let mode = form_urlencoded::parse(parameters.as_bytes()).filter(|(name, _)| name == "mode");
    let mode = match mode.last() {
        _ if file == ":memory:" => Mode::Memory,
        Some((_, value)) if value == "memory" => Mode::Memory,
        _ if file.is_empty() => return Err(no_file()),
        Some((_, value)) if value == "ro" => Mode::ReadOnly,
        Some((_, value)) if value == "rw" => Mode::Existing,
        _ => Mode::Create,
    };
    let connect = address.parse().map_err(|error: sqlx::Error| {
        OpenError::new(OpenErrorKind::Address, "its address is no SQLite address")
            .with_source(error)
    })?;
    Ok((connect, mode))
}

fn no_file() -> OpenError {
    OpenError::new(OpenErrorKind::Address, "its address names no file")
}

/// Makes the file before SQLite would, so that only its owner can read the secrets in it.
/// SQLite gives the log beside it the same mode. A file that is there stays as it is.
fn create(file: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| {
        OpenError::new(OpenErrorKind::Unreachable, "its file cannot be written").with_source(error)
    })
}
