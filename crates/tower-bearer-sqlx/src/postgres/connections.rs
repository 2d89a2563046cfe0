//! How a statement gets to the server and its answer back.

use std::{sync::Arc, time::Duration};

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
    /// Begins a transaction, where a pooler gives each transaction a server of its own and so
    /// a statement could be prepared by one and run by another.
    pub(super) begin: Option<Arc<str>>,
}

/// What is asked of an answer.
#[derive(Clone, Copy)]
enum Check {
    IsPrimarys,
    /// Of a write: no other server takes one.
    Nothing,
}

/// How many writes of swaps may be under way. Fewer make those wait that come two or three at a
/// time; more make smaller batches of many, which is slower.
const LANES: usize = 4;

impl Connections {
    /// How many connections swaps may have that go together.
    pub(super) fn lanes(&self) -> usize {
        self.for_swaps().saturating_sub(1).clamp(1, LANES)
    }

    /// How many more connections swaps may have.
    pub(super) fn beside_lanes(&self) -> usize {
        self.for_swaps().saturating_sub(self.lanes()).max(1)
    }

    /// Not the last one: it is for all the rest.
    fn for_swaps(&self) -> usize {
        let others = self.pool.options().get_max_connections().saturating_sub(1);
        usize::try_from(others).unwrap_or(usize::MAX)
    }

    pub(super) async fn write(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.write_holding(statement, ()).await
    }

    /// As [`write`](Self::write), and drops `held` once the connection is back.
    pub(super) async fn write_holding(
        &self,
        statement: Statement,
        held: impl Send + 'static,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Check::Nothing, held).await
    }

    /// The rows have a column `writable`.
    pub(super) async fn read(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.run(statement, Check::IsPrimarys, ()).await
    }

    /// As [`write`](Self::write), for whoever is in a task already that comes to its end.
    pub(super) async fn write_here(&self, statement: Statement) -> Result<Vec<PgRow>, StoreError> {
        self.exchange(statement, Check::Nothing).await?.await
    }

    /// Runs a statement, in a task: it comes to its end also where the caller does not wait for
    /// it, and by the deadline. Else a caller with less patience would leave connections behind
    /// on which answers are due, and none that could be used where a server has gone silent.
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

    /// Gets a connection, over which the statement is then run.
    async fn exchange(
        &self,
        statement: Statement,
        check: Check,
    ) -> Result<impl Future<Output = Result<Vec<PgRow>, StoreError>> + use<>, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let connection = timeout_at(deadline, self.pool.acquire())
            .await
            .map_err(|_| StoreErrorKind::Timeout)?
            .map_err(failed)?;
        let begin = self.begin.clone();
        Ok(exchange(connection, statement, begin, check, deadline))
    }
}

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
    // Closed, and another opened, perhaps to another server. No request to cancel goes before:
    // it could reach a commit that waits for a standby, which the server would then acknowledge
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
