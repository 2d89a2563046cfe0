//! Runs statements over the connections of a pool.

use std::{pin::Pin, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Row as _, pool::PoolConnection,
    postgres::PgRow,
};
use tokio::time::{Instant, timeout_at};

use tower_bearer::store::{StoreError, StoreErrorKind};

use super::{
    error::{self, ReadOnly, failed},
    row::Statement,
};

pub(super) struct Connections {
    pub(super) pool: PgPool,
    /// How long a call may take.
    pub(super) timeout: Duration,
    /// The statement that begins a transaction, if prepared statements are off. A pooler may give
    /// each transaction another server connection, so that a statement could be prepared on one
    /// and run on another.
    pub(super) begin: Option<Arc<str>>,
}

/// What has to be checked in an answer.
#[derive(Clone, Copy)]
enum Check {
    IsPrimarys,
    /// Nothing, for a write: only the primary accepts it.
    Nothing,
}

/// How many writes of swaps may be under way at a time. A busy store rarely uses more than two; the
/// others are for when a commit waits for a standby or a connection has gone silent.
const LANES: usize = 4;
/// How many queries for loads may be under way at a time, besides those for single loads.
pub(super) const LOAD_LANES: usize = 2;

impl Connections {
    /// How many connections are for swaps that are written together.
    pub(super) fn lanes(&self) -> usize {
        self.for_swaps().saturating_sub(1).clamp(1, LANES)
    }

    /// How many connections are for swaps that are written alone, and how many for loads that are done
    /// alone.
    pub(super) fn beside_lanes(&self) -> usize {
        self.for_swaps().saturating_sub(self.lanes()).max(1)
    }

    /// How many connections are for swaps: all but one, which is kept for the other calls.
    fn for_swaps(&self) -> usize {
        let others = self.pool.options().get_max_connections().saturating_sub(1);
        usize::try_from(others).unwrap_or(usize::MAX)
    }

    pub(super) async fn write(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.write_holding(statement, ()).await
    }

    /// Like [`write`](Self::write), and drops `held` when the connection is back in the pool.
    pub(super) async fn write_holding(
        &self,
        statement: Statement,
        held: impl Send + 'static,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Check::Nothing, held).await
    }

    /// Runs a statement that reads. Its rows must have a column `writable`.
    pub(super) async fn read(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.read_holding(statement, ()).await
    }

    /// Like [`read`](Self::read), and drops `held` when the connection is back in the pool.
    pub(super) async fn read_holding(
        &self,
        statement: Statement,
        held: impl Send + 'static,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Check::IsPrimarys, held).await
    }

    /// Like [`read`](Self::read), for a caller that is in a task which is never cancelled.
    pub(super) async fn read_here(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.exchange(statement, Check::IsPrimarys).await?.await
    }

    /// Like [`write`](Self::write), for a caller that is in a task which is never cancelled.
    pub(super) async fn write_here(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.exchange(statement, Check::Nothing).await?.await
    }

    /// Runs a statement in a task of its own, which goes on until the deadline even if the caller
    /// is cancelled. Otherwise a cancelled caller would leave a connection in the pool that still
    /// waits for an answer; when a server does not answer, all connections would become unusable.
    async fn run(
        &self,
        statement: Statement,
        check: Check,
        held: impl Send + 'static,
    ) -> Result<Vec<PgRow>, StoreError> {
        let exchange = self.exchange(statement, check).await?;
        let to_its_end = async move {
            let outcome = exchange.await;
            drop(held);
            outcome
        };
        tokio::spawn(to_its_end).await.unwrap_or_else(|error| {
            Err(StoreError::with_source(StoreErrorKind::Unavailable, error))
        })
    }

    /// Gets a connection, and gives the future that runs the statement over it.
    async fn exchange(&self, statement: Statement, check: Check) -> Result<Exchange, StoreError> {
        let deadline = Instant::now() + self.timeout;
        // In a box, as the future of a call is moved several times and this part is the largest.
        let acquire = Box::pin(self.pool.acquire());
        let connection = timeout_at(deadline, acquire)
            .await
            .map_err(|_| StoreErrorKind::Timeout)?
            .map_err(failed)?;
        let begin = self.begin.clone();
        let exchange = exchange(connection, statement, begin, check, deadline);
        Ok(Box::pin(exchange))
    }
}

/// Runs a statement over a connection.
type Exchange = Pin<Box<dyn Future<Output = Result<Vec<PgRow>, StoreError>> + Send>>;

async fn exchange(
    mut connection: PoolConnection<Postgres>,
    statement: Statement,
    begin: Option<Arc<str>>,
    check: Check,
    deadline: Instant,
) -> Result<Vec<PgRow>, StoreError> {
    let error = match timeout_at(deadline, send(&mut connection, statement, begin)).await {
        Ok(Ok(rows)) if check.passes(&rows) => return Ok(rows),
        Ok(Ok(_)) => StoreError::with_source(StoreErrorKind::Unavailable, ReadOnly),
        Ok(Err(error)) if error::spares_connection(&error) => return Err(failed(error)),
        Ok(Err(error)) => failed(error),
        Err(elapsed) => StoreError::with_source(StoreErrorKind::Timeout, elapsed),
    };
    // The connection is closed without a request to cancel the statement. Such a request could
    // reach a commit that waits for a standby, and the server would then acknowledge the commit
    // although no standby has it.
    drop(connection.detach());
    Err(error)
}

async fn send(
    connection: &mut PgConnection,
    statement: Statement,
    begin: Option<Arc<str>>,
) -> sqlx::Result<Vec<PgRow>> {
    let Some(begin) = begin else {
        return statement.fetch_all(connection).await;
    };
    let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
    let statement = statement.persistent(false);
    let rows = statement.fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(rows)
}

impl Check {
    fn passes(self, rows: &[PgRow]) -> bool {
        let is_primary = |row: &PgRow| row.try_get("writable").unwrap_or(false);
        match self {
            Self::IsPrimarys => rows.first().is_some_and(is_primary),
            Self::Nothing => true,
        }
    }
}
