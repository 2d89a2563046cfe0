//! Does the store's work over the connections of a pool.

use std::{sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, MySql, MySqlConnection, MySqlPool, mysql::MySqlRow, pool::PoolConnection,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use tower_bearer::store::{StoreError, StoreErrorKind};

use super::{
    error::{Failure, failed},
    row::{self, Statement},
    settings::Settle,
};

pub(super) struct Connections {
    pub(super) pool: MySqlPool,
    /// How long a call may take.
    timeout: Duration,
    /// What settles a connection before each use, if it comes from a pool of the application's.
    settle: Option<Settle>,
    /// Limits the rotations under way, each of which may wait for a row's lock.
    rotations: Arc<Semaphore>,
}

/// How often work is done that others are in conflict with. Each conflict means that one of them was faster, so
/// this is how many may be.
const ATTEMPTS: u32 = 16;

/// What is done over one connection. If another transaction is in conflict with it, it is done again.
pub(super) trait Work: Send + Sync + 'static {
    type Answer: Send + 'static;

    fn run(
        &self,
        connection: &mut MySqlConnection,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// A statement that reads. Its rows tell the time and whether the server accepts writes.
struct Read(Statement);

impl Work for Read {
    type Answer = Vec<MySqlRow>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Vec<MySqlRow>, Failure> {
        let rows = self.0.query().fetch_all(connection).await?;
        match row::is_writable(&rows) {
            true => Ok(rows),
            false => Err(Failure::ReadOnly),
        }
    }
}

/// A statement that writes. The answer is the number of rows that it found: sqlx asks the server to count
/// them, and not only those that changed.
struct Write(Statement);

impl Work for Write {
    type Answer = u64;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<u64, Failure> {
        let done = self.0.query().execute(connection).await?;
        Ok(done.rows_affected())
    }
}

impl Connections {
    pub(super) fn new(pool: MySqlPool, timeout: Duration, settle: Option<Settle>) -> Self {
        // All but one, which is kept for the other calls.
        let rotations = pool.options().get_max_connections().saturating_sub(1);
        let rotations = usize::try_from(rotations).unwrap_or(usize::MAX);
        Self {
            pool,
            timeout,
            settle,
            rotations: Arc::new(Semaphore::new(rotations.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    pub(super) async fn read(&self, statement: Statement) -> Result<Vec<MySqlRow>, StoreError> {
        self.run(Read(statement)).await
    }

    pub(super) async fn write(&self, statement: Statement) -> Result<u64, StoreError> {
        self.run(Write(statement)).await
    }

    pub(super) async fn run<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        let deadline = Instant::now() + self.timeout;
        self.run_until(deadline, work, None).await
    }

    /// Like [`write`](Self::write), for a rotation.
    pub(super) async fn rotate(&self, statement: Statement) -> Result<u64, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let turn = timeout_at(deadline, Arc::clone(&self.rotations).acquire_owned()).await;
        let turn = turn.map_err(|_| StoreErrorKind::Timeout)?;
        self.run_until(deadline, Write(statement), turn.ok()).await
    }

    /// Does the work in a task of its own, which goes on until the deadline even if the caller is
    /// cancelled. Otherwise a cancelled caller would leave a connection in the pool that still waits for an
    /// answer, or that is in the middle of one.
    async fn run_until<W: Work>(
        &self,
        deadline: Instant,
        work: W,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<W::Answer, StoreError> {
        let connection = timeout_at(deadline, self.pool.acquire())
            .await
            .map_err(|_| StoreErrorKind::Timeout)?
            .map_err(failed)?;
        let settle = self.settle.clone();
        let to_its_end = async move {
            let outcome = exchange(connection, work, settle, deadline).await;
            drop(turn);
            outcome
        };
        tokio::spawn(to_its_end).await.unwrap_or_else(|error| {
            Err(StoreError::with_source(StoreErrorKind::Unavailable, error))
        })
    }
}

async fn exchange<W: Work>(
    mut connection: PoolConnection<MySql>,
    work: W,
    settle: Option<Settle>,
    deadline: Instant,
) -> Result<W::Answer, StoreError> {
    let attempts = async {
        if let Some(settle) = settle {
            send(&mut connection, settle).await?;
        }
        for _ in 1..ATTEMPTS {
            match work.run(&mut connection).await {
                Err(failure) if failure.is_conflict() => {}
                outcome => return outcome,
            }
        }
        work.run(&mut connection).await
    };
    let error = match timeout_at(deadline, attempts).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(failure)) if failure.spares_connection() => return Err(failure.into()),
        Ok(Err(failure)) => failure.into(),
        Err(elapsed) => StoreError::with_source(StoreErrorKind::Timeout, elapsed),
    };
    // It may be in the middle of an answer, or lead to a server that is not the primary any more.
    drop(connection.detach());
    Err(error)
}

/// Sends statements that have no values and no answer.
pub(super) async fn send(
    connection: &mut MySqlConnection,
    text: impl Into<Arc<str>>,
) -> Result<(), Failure> {
    let statements = sqlx::raw_sql(AssertSqlSafe(text.into()));
    statements.execute(connection).await?;
    Ok(())
}
