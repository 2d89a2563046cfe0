//! Runs the statements that write, and waits while another process writes.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteQueryResult, SqliteRow},
};
use tokio::time::{Instant, sleep};

use tower_bearer::store::{StoreError, StoreErrorKind};

use super::{checkpoints::Checkpoints, error::failed, row::Statement};

/// How long SQLite itself waits for the lock of the file, on a connection that the store opens for
/// its writes. In that time it tries every millisecond. If it waited longer, it would try at ever
/// longer intervals of up to 100 ms, and be overtaken by those that have just begun to wait.
pub(super) const LOCK_WAIT: Duration = Duration::from_millis(2);

/// The connection that writes.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    /// How long a statement is tried again while another process has the file locked. Zero where the
    /// pool's own busy timeout counts.
    patience: Duration,
    /// None for a pool of the application, which decides on checkpoints itself.
    pub(super) checkpoints: Option<Arc<Checkpoints>>,
}

impl Writer {
    /// A connection whose statements are tried for so long, and followed by checkpoints.
    pub(super) fn patient(pool: SqlitePool, patience: Duration, checkpoints: Checkpoints) -> Self {
        Self {
            pool,
            patience,
            checkpoints: Some(Arc::new(checkpoints)),
        }
    }

    /// A pool of which each connection waits for as long as it was told to.
    pub(super) fn plain(pool: SqlitePool) -> Self {
        Self {
            pool,
            patience: Duration::ZERO,
            checkpoints: None,
        }
    }

    /// Runs a statement to its last row, because SQLite commits after that, and gives its rows. If the
    /// file stays locked, the statement fails as busy and has written nothing.
    pub(super) async fn fetch(
        &self,
        statement: impl Fn() -> Result<Statement, StoreError>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let rows = self.patiently::<Fetch>(statement).await?;
        self.wrote(rows.len() as u64);
        Ok(rows)
    }

    /// Like [`fetch`](Self::fetch), but tells how many rows were written.
    pub(super) async fn execute(
        &self,
        statement: impl Fn() -> Result<Statement, StoreError>,
    ) -> Result<u64, StoreError> {
        let done = self.patiently::<Execute>(statement).await?;
        self.wrote(done.rows_affected());
        Ok(done.rows_affected())
    }

    fn wrote(&self, rows: u64) {
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.wrote(rows);
        }
    }

    async fn patiently<R: Run>(
        &self,
        statement: impl Fn() -> Result<Statement, StoreError>,
    ) -> Result<R::Outcome, StoreError> {
        let mut connection = self.connection().await?;
        // How long the call has waited for others of this process does not count.
        let mut attempts = self.attempts();
        loop {
            let outcome = R::run(statement()?, &mut connection).await;
            match outcome.map_err(failed) {
                Err(error) if attempts.another_after(error.kind()).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn connection(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut attempts = self.attempts();
        loop {
            match self.pool.acquire().await.map_err(failed) {
                Err(error) if attempts.another_after(error.kind()).await => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.patience, LOCK_WAIT)
    }

    pub(super) async fn close(&self) {
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.close().await;
        }
        self.pool.close().await;
    }
}

/// What a statement gives.
trait Run {
    type Outcome;

    fn run(
        statement: Statement,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = sqlx::Result<Self::Outcome>> + Send;
}

struct Fetch;
struct Execute;

impl Run for Fetch {
    type Outcome = Vec<SqliteRow>;

    async fn run(
        statement: Statement,
        connection: &mut SqliteConnection,
    ) -> sqlx::Result<Vec<SqliteRow>> {
        statement.fetch_all(connection).await
    }
}

impl Run for Execute {
    type Outcome = SqliteQueryResult;

    async fn run(
        statement: Statement,
        connection: &mut SqliteConnection,
    ) -> sqlx::Result<SqliteQueryResult> {
        statement.execute(connection).await
    }
}

/// Attempts at something that fails while the file is locked.
pub(super) struct Attempts {
    until: Instant,
    /// What lies at least between the beginnings of two of them.
    interval: Duration,
    began: Instant,
}

impl Attempts {
    /// The first one begins now.
    pub(super) fn new(patience: Duration, interval: Duration) -> Self {
        let began = Instant::now();
        Self {
            until: began + patience,
            interval,
            began,
        }
    }

    /// Whether there is time for another attempt, and a lock was why the last one has failed. It
    /// begins when this returns.
    pub(super) async fn another_after(&mut self, failure: StoreErrorKind) -> bool {
        let now = Instant::now();
        if failure != StoreErrorKind::Busy || now >= self.until {
            return false;
        }
        if now < self.began + self.interval {
            sleep(self.interval).await;
        }
        self.began = Instant::now();
        true
    }
}
