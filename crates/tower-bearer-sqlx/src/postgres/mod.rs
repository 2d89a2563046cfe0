//! [`PostgresStore`]: sessions in a PostgreSQL database.

mod connections;
mod error;
mod names;
mod options;
mod row;
mod schema;
mod statements;
mod swap;

use std::{fmt, sync::Arc};

use sqlx::PgPool;
use tokio::time::timeout;
use uuid::Uuid;

pub use self::options::PostgresOptions;
use self::{connections::Connections, row::statement, statements::Statements, swap::SwapWriter};
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Listed, Loaded, OpenError, Record, RevokeReason, SessionState, SessionStore, StoreError,
        StoreErrorKind, Swap,
    },
};

use crate::group_commit::{GroupCommit, Pending};

/// How many confirmations a statement writes, and how many sessions one deletes.
const BATCH: usize = 256;

/// Keeps sessions in a PostgreSQL database, in one table and a second that tells its version.
///
/// Any number of servers may share it. Their one clock is the database server's, which has to be
/// kept right, as its standbys' has: after a failover theirs is the clock. Each operation is one
/// statement, but for rotations that go [together](#connections). It is tested with PostgreSQL 15
/// and uses nothing newer than 12.
///
/// ```no_run
/// use tower_bearer_sqlx::PostgresStore;
///
/// # async fn example() -> Result<(), tower_bearer::store::OpenError> {
/// let store = PostgresStore::connect("postgres://app:secret@db.example/app").await?;
/// # Ok(())
/// # }
/// ```
///
/// Over a network it takes TLS: turn on one of sqlx's `tls-…` features in the application's
/// own `Cargo.toml`, and write `?sslmode=verify-full` after the address.
///
/// # Connections
///
/// A rotation that finds none under way is written at once. Those that come while others are being
/// written go together, up to 64 in one statement and one commit: the busier the store, the more.
/// They use at most 4 connections at a time; in a pool of fewer than six, two fewer than it has, or
/// one.
///
/// A rotation costs no other: where somebody else has locked a session, or the database refuses a
/// row, that one is tried again alone, while the others go on. It waits for the lock as long as any
/// write does, a quarter of the [timeout](PostgresOptions::timeout), and is `Busy` then: the client
/// gets a 503, keeps its token and may come again. What is lost with a connection is lost for all
/// that were in the same statement.
///
/// Of three connections and more, rotations never use the last one, alone or together. It is for
/// loads, logins, confirmations and revocations: a logout waits behind no queue of rotations. In a
/// pool that the application uses too, it may wait for the application.
///
/// A store that was given an address opens up to
/// [10 connections](PostgresOptions::max_connections), in each process. The server's own
/// `max_connections` has to allow for those of all processes.
///
/// # What it promises when it fails
///
/// | what happens | sessions |
/// | --- | --- |
/// | a server of the application, or the database's, is killed | all that was acknowledged is kept |
/// | power is cut | likewise, unless the database runs with `fsync = off` or its disk lies about what it has written |
/// | a failover to a synchronous standby | likewise, where `synchronous_standby_names` is set |
/// | a failover to an asynchronous standby, or a restored backup | what it had not received is lost |
///
/// Of what is lost, a rotation costs nothing (row 11 of the protocol: the client goes on, with
/// an event), a login has to be done again, and **a logout is undone**. Whoever cannot have that
/// needs a synchronous standby; whoever restores a backup should end the sessions in it.
///
/// A login, a rotation, a confirmation and a logout wait for the write-ahead log, and for a
/// synchronous standby where there is one, also where the server, the database or the role is set
/// to `synchronous_commit = off`, `local` or `remote_write`: each statement raises the setting for
/// itself. `remote_apply` is left as it is.
///
/// Only the primary is believed, since every load feeds a decision. The answer to each load says
/// whether the server takes writes. One that does not is a standby or has been demoted: the call
/// is [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable), and the connection is closed, so
/// that the next goes to whoever the address then stands for. What no client can see is an old
/// primary that is cut off and still takes writes: keeping those away (fencing) is the failover
/// manager's work. A pooler must not send reads to standbys.
///
/// While no synchronous standby answers, writes wait at the server longer than their callers do,
/// and each keeps its connection there: watch the standbys, and let `max_connections` of the role
/// be no more than the server can spare.
///
/// A call that its caller drops, or that takes too long, happened whole or not at all, or does so
/// within the [timeout](PostgresOptions::timeout). The connections are good for others, also where
/// a server has gone silent.
///
/// # Behind a pooler
///
/// No statement needs or leaves any state in its session. Behind a pooler that gives each
/// transaction another server (PgBouncer in transaction mode, say) turn
/// [prepared statements](PostgresOptions::prepared_statements) off, unless the pooler prepares
/// on its clients' behalf. A statement that one client prepared could else be run by another.
///
/// # Rights
///
/// Who opens the store first needs `CREATE` on the schema, or on the database where the schema is
/// missing. Since PostgreSQL 15 a plain role does not have it on `public`: grant it, or give the
/// store a [schema](PostgresOptions::schema) of its own. After that a role will do that has `USAGE` on the schema, `SELECT`, `INSERT`,
/// `UPDATE` and `DELETE` on the table, and `SELECT` on the one with `_version` after its name.
///
/// Names and texts of the application's are kept as bytes of UTF-8, so that every one comes back
/// as it was: `convert_from(subject, 'UTF8')` shows them. The column `secret` alone mints no
/// token, but is worth keeping from those who read logs: a server that logs statements with
/// their parameters shows it at each login.
///
/// # Errors of the operations
///
/// | [kind](tower_bearer::store::StoreErrorKind) | where |
/// | --- | --- |
/// | `Busy` | another transaction held the session for too long, or was in the way of a role with a stricter isolation than `read committed` |
/// | `Timeout` | no connection could be made or came free, or no answer came, within the [timeout](PostgresOptions::timeout) |
/// | `Unavailable` | the connection was lost, the server shuts down, is read-only or full, or its tables are missing; the store is closed |
/// | `Corrupt` | the session's row, or the table, cannot be read |
///
/// A failed write leaves the session as it was, unless the connection was lost before the answer:
/// then nobody knows, and the client's next request finds out.
#[derive(Clone)]
pub struct PostgresStore {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
    swaps: Arc<GroupCommit<SwapWriter>>,
}

impl PostgresStore {
    /// Connects to the database at an address, `postgres://user:password@host:5432/database`,
    /// and makes the tables there.
    ///
    /// # Errors
    ///
    /// Where the address or
    /// the database cannot be used, the server is a standby, or the tables are those of another
    /// version of this crate.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, PostgresOptions::new()).await
    }

    /// As [`connect`](Self::connect), with other names, timeouts or numbers of connections.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and where a name cannot be used.
    pub async fn connect_with(address: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        Self::new_with(options.pool(address)?, options).await
    }

    /// Uses the application's own pool, and makes the tables there.
    ///
    /// A pool that nothing else uses is better: sqlx 0.9 gives a connection back to its pool in
    /// the middle of a transaction where a `begin()` was cancelled, and what is then written over
    /// it, a logout too, is never committed. Set a `statement_timeout` for its role.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn new(pool: PgPool) -> Result<Self, OpenError> {
        Self::new_with(pool, PostgresOptions::new()).await
    }

    /// As [`new`](Self::new), with other names or timeouts.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and where a name cannot be used.
    pub async fn new_with(pool: PgPool, options: PostgresOptions) -> Result<Self, OpenError> {
        let names = options.names()?;
        schema::prepare(&pool, &names).await?;
        let statements = Arc::new(Statements::new(&names, options.lock_timeout()));
        let connections = Arc::new(options.connections(pool));
        let writer = SwapWriter::new(&connections, &statements);
        Ok(Self {
            swaps: GroupCommit::new(writer, connections.lanes()),
            connections,
            statements,
        })
    }

    /// Waits for the calls that are under way and closes the connections, those of a pool that
    /// was given to [`new`](Self::new) too. Later calls, on clones as well, are
    /// [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable).
    pub async fn close(&self) {
        self.connections.pool.close().await;
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("closed", &self.connections.pool.is_closed())
            .finish_non_exhaustive()
    }
}

impl SessionStore for PostgresStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let now = statement(&self.statements.now);
        row::now(&self.connections.read(now).await?)
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let insert = row::bind(statement(&self.statements.insert), record)?;
        self.connections.write(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let load = statement(&self.statements.load).bind(id.as_uuid());
        let rows = self.connections.read(load).await?;
        let record = rows.first().map(row::read).transpose()?.flatten();
        Ok(Loaded::new(record, row::now(&rows)?))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        // No row has a version that a column cannot hold, nor one after the last.
        if [expected, next.version]
            .map(i64::try_from)
            .iter()
            .any(Result::is_err)
        {
            return Ok(Swap::Lost);
        }
        let next = next.clone();
        let swap = self.swaps.swap(Pending { id, expected, next });
        // It may wait for others before it gets a connection.
        match timeout(self.connections.timeout, swap).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(StoreError::with_source(StoreErrorKind::Timeout, elapsed)),
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for batch in pairs.chunks(BATCH) {
            let (ids, generations): (Vec<Uuid>, Vec<i64>) = batch
                .iter()
                .map(|(id, generation)| (id.as_uuid(), i64::from(*generation)))
                .unzip();
            let confirm = statement(&self.statements.confirm);
            let confirm = confirm.bind(ids).bind(generations);
            self.connections.write(confirm).await?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
        let end = statement(&self.statements.end)
            .bind(id.as_uuid())
            .bind(reason.as_str());
        Ok(!self.connections.write(end).await?.is_empty())
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let end_all = statement(&self.statements.end_all)
            .bind(issuer.as_bytes())
            .bind(subject.as_bytes())
            .bind(reason.as_str());
        let ended = self.connections.write(end_all).await?;
        ended.iter().map(row::id).collect()
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let after = after.map(|id| id.as_uuid());
        let list = statement(&self.statements.list)
            .bind(issuer.as_bytes())
            .bind(subject.as_bytes())
            .bind(after.unwrap_or(Uuid::nil()))
            .bind(after)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.connections.read(list).await?;
        let records = rows.iter().map(row::read).filter_map(Result::transpose);
        Ok(Listed::new(
            records.collect::<Result<_, _>>()?,
            row::now(&rows)?,
        ))
    }

    // In batches, between which other writers get their turn.
    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let mut deleted = 0;
        while deleted < limit {
            let batch = BATCH.min(limit - deleted);
            let delete = statement(&self.statements.delete_expired);
            let delete = delete.bind(i64::try_from(batch).unwrap_or(i64::MAX));
            let done = self.connections.write(delete).await?.len();
            deleted += done;
            if done < batch {
                break;
            }
        }
        Ok(deleted)
    }
}
