//! Runs the statements that write, and waits while another process writes.

use std::time::{Duration, Instant};

use sqlx::{SqlitePool, sqlite::SqliteRow};
use tokio::time::sleep;

use tower_bearer::store::{StoreError, StoreErrorKind};

use super::{error::failed, row::Statement};

/// How long SQLite itself waits for the lock of the file, on a connection that the store opens for
/// its writes. In that time it tries every millisecond. If it waited longer, it would try at ever
/// longer intervals of up to 100 ms, and be overtaken by those that have just begun to wait.
pub(super) const SPELL: Duration = Duration::from_millis(2);

/// The connection that writes.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    /// How long a statement is tried while the file is locked, if SQLite itself waits for shorter.
    patience: Duration,
}

impl Writer {
    /// A connection whose statements are tried for so long.
    pub(super) fn patient(pool: SqlitePool, patience: Duration) -> Self {
        Self { pool, patience }
    }

    /// A pool of which each connection waits for as long as it was told to.
    pub(super) fn plain(pool: SqlitePool) -> Self {
        Self::patient(pool, Duration::ZERO)
    }

    /// Runs a statement to its last row, because SQLite commits after that. If the file stays locked,
    /// the statement has not been run.
    pub(super) async fn run(
        &self,
        statement: impl Fn() -> Result<Statement, StoreError>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let mut attempts = self.attempts();
        loop {
            let outcome = statement()?.fetch_all(&mut *connection).await;
            match outcome.map_err(failed) {
                Err(error) if error.kind() == StoreErrorKind::Busy && attempts.another().await => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.patience)
    }
}

/// Attempts at something that fails while the file is locked.
pub(super) struct Attempts {
    until: Instant,
    began: Instant,
}

impl Attempts {
    /// The first one begins now.
    pub(super) fn new(patience: Duration) -> Self {
        let began = Instant::now();
        Self {
            until: began + patience,
            began,
        }
    }

    /// Whether there is time for another attempt. It begins when this returns: at once, unless SQLite
    /// has not waited in the last one.
    pub(super) async fn another(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.until {
            return false;
        }
        if now < self.began + SPELL {
            sleep(SPELL).await;
        }
        self.began = Instant::now();
        true
    }
}
