//! Opens the connections to the database at an address.

use std::{fs::OpenOptions, path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tower_bearer::store::{OpenError, OpenErrorKind};

use crate::grouping::LARGEST;

use super::{
    checkpoints::{Checkpoints, LONGEST_LOG},
    error,
    schema::failed,
    writer::{Attempts, LOCK_WAIT, Writer},
};

/// How long after an attempt to connect to a locked file the next one begins.
const AGAIN: Duration = Duration::from_millis(20);
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
    /// The defaults: a busy timeout of 5 seconds, and 4 readers.
    pub fn new() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: 4,
        }
    }

    /// How long a call waits while another process writes, and how long it waits for a connection
    /// of this process (for the latter, at least 1 second). After that it fails as
    /// [`Busy`](tower_bearer::store::StoreErrorKind::Busy) or
    /// [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout), respectively.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST_WAIT);
        self
    }

    /// How many connections read, at least 1: for lists, and for loads, of which many go together in
    /// one query. A database in memory has only one connection for everything.
    #[must_use]
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// A pool whose connections are never closed for being idle or old, as there is no server that
    /// would close them.
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

/// One connection that writes, and some that read. With one writing connection, the writers of this
/// process wait in the pool's queue and not for SQLite's lock, which is not fair.
pub(super) struct Pools {
    pub(super) writer: Writer,
    pub(super) readers: SqlitePool,
}

impl Pools {
    pub(super) fn one(pool: SqlitePool) -> Self {
        Self {
            readers: pool.clone(),
            writer: Writer::plain(pool),
        }
    }
}

enum Mode {
    /// The file is created if it is missing.
    Create,
    /// The file must exist.
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
        // Each further connection would see another database, or be locked out of a shared one.
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
    // If the file is deleted while the server runs, that is an error and not an empty database.
    let connect = connect.create_if_missing(false).shared_cache(false);
    let write_ahead = connect.clone().journal_mode(SqliteJournalMode::Wal);
    let write_ahead = write_ahead
        .busy_timeout(options.busy_timeout.min(LOCK_WAIT))
        .pragma("wal_autocheckpoint", LONGEST_LOG.to_string())
        // SQLite commits when it has handed over the last row: it must not wait for a reader before.
        .row_buffer_size(2 * LARGEST);
    let writer = connect_patiently(options, &write_ahead).await?;
    let checkpoints = Checkpoints::new(options.pool(1).connect_lazy_with(connect.clone()));
    let readers = options
        .pool(options.readers)
        .connect_lazy_with(connect.pragma("query_only", "1"));
    Ok(Pools {
        writer: Writer::patient(writer, options.busy_timeout, checkpoints),
        readers,
    })
}

/// Connects, and tries again while the file is locked: changing to the write-ahead log needs a lock
/// that SQLite does not wait for.
async fn connect_patiently(
    options: &SqliteOptions,
    connect: &SqliteConnectOptions,
) -> Result<SqlitePool, OpenError> {
    let mut attempts = Attempts::new(options.busy_timeout, AGAIN);
    loop {
        match options.pool(1).connect_with(connect.clone()).await {
            Err(failure) if attempts.another_after(error::kind(&failure)).await => {}
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

/// Creates the file before SQLite would, so that only its owner can read the secrets in it. SQLite
/// gives its log the same mode. A file that exists stays as it is.
fn create(file: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| {
        OpenError::new(OpenErrorKind::Unreachable, "its file cannot be written").with_source(error)
    })
}
