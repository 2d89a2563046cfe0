//! [`PostgresStore`]: sessions in a PostgreSQL database.

mod connections;
mod error;
mod load;
mod names;
mod options;
mod rings;
mod row;
mod schema;
mod statements;
mod swap;
mod walk;

use std::{fmt, sync::Arc};

use sqlx::PgPool;
use uuid::Uuid;

pub use self::options::PostgresOptions;
use self::{
    connections::{Connections, LOAD_LANES},
    load::Loader,
    row::statement,
    statements::Statements,
    swap::SwapWriter,
};
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, OpenError, Record, SessionState,
        SessionStore, StoreError, Swap,
    },
};

use crate::{
    columns,
    grouping::{Grouping, in_time},
    pending_swap::PendingSwap,
    values,
};

/// How many confirmations one statement writes, and how many sessions one statement deletes.
const BATCH: usize = 256;

/// Keeps sessions and key rings in a PostgreSQL database: in one table each, and a third one with the version of the
/// two.
///
/// Any number of servers may share the store. Their clock is that of the database server. Keep it
/// and the clocks of its standbys synchronized: after a failover the standby's clock counts. Each
/// operation is one statement; loads and rotations may also go [together](#connections). The store
/// is tested with PostgreSQL 15, and passes the conformance suite on 18 too. It uses nothing that is newer
/// than PostgreSQL 12.
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
/// Use TLS if the database is on another machine: enable one of sqlx's `tls-…` features in the
/// application's own `Cargo.toml`, and add `?sslmode=verify-full` to the address.
///
/// # Connections
///
/// A rotation that arrives while no other is being written is written at once. Rotations that
/// arrive while others are being written wait until those are done, until they are as many as the
/// largest group under way, or for 50 ms. Then they are written together, up to 64 in one statement
/// and one commit, as soon as one of their connections is free. They use at most 4 connections at a time. In a pool of fewer than 6 connections
/// they use two fewer than the pool has, but at least one.
///
/// Loads go together in the same way, in one query over at most 2 connections at a time. A load that
/// has waited for 50 ms is done alone as well, so that a connection that has gone silent holds up no
/// other load. A load sees all that was acknowledged before it was asked for: it never joins a query
/// that is under way.
///
/// One rotation does not make another fail or wait for a lock. If another transaction has locked a session,
/// or the database refuses a row, that rotation is tried again alone, while the others go on. It
/// waits for the lock for a quarter of the [timeout](PostgresOptions::timeout), as every write
/// does, and then fails as `Busy`: the client gets a 503, keeps its token and may present it
/// again. Only when their connection is lost, or the server refuses them all, do the rotations of one
/// statement fail together. A load never waits for the lock of a session, and a session that cannot be
/// read fails no other load: what fails for a group is asked for again, one by one.
///
/// In a pool of 3 connections or more, rotations never use the last one. It is kept for loads,
/// logins, confirmations and the ends of sessions, so that a logout never waits for a queue of
/// rotations. If the application uses the same pool, a call may have to wait for the application.
///
/// A store that was given an address opens up to
/// [10 connections](PostgresOptions::max_connections) in each process. The server's own
/// `max_connections` must allow for those of all processes.
///
/// # What is kept after a failure
///
/// | what happens | sessions |
/// | --- | --- |
/// | an application server or the database server is killed | everything that was acknowledged is kept |
/// | a power cut | everything that was acknowledged is kept, unless the database runs with `fsync = off` or its disk reports writes too early |
/// | a failover to a synchronous standby | everything that was acknowledged is kept, if `synchronous_standby_names` is set |
/// | a failover to an asynchronous standby, or a restored backup | what the standby or the backup had not received is lost |
///
/// A lost rotation does no harm: the client goes on, and an event tells of it (row 11 of the
/// protocol). After a lost login, the user has to log in again. **A lost logout is undone.** To
/// avoid that, use a synchronous standby. After restoring a backup, end the sessions in it.
///
/// While no synchronous standby is there, a commit waits for one, and no timeout of the server ends that
/// (`findings/postgres-statement-timeout-and-synchronous-commit.sh` shows it on 18.6). Writes then fail after the
/// timeout here and are done later all the same, and each leaves a process of the server that waits until then
/// and counts towards `max_connections`. Name two standbys, of which one is enough (`ANY 1 (a, b)`).
///
/// A login, a rotation, a confirmation and the end of a session are acknowledged only when the
/// write-ahead log has them, and so has a synchronous standby if there is one. This holds even if
/// the server, the database or the role is set to `synchronous_commit = off`, `local` or
/// `remote_write`: each statement raises the setting for itself. It keeps `remote_apply`.
///
/// The store accepts data from the primary only, as it decides on the basis of every load. The
/// answer to each load tells whether the server accepts writes. If it does not, it is a standby or
/// an old primary. The call then fails as
/// [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable), and the connection is
/// closed, so that the next one goes to the server that the address then leads to. A client cannot
/// detect an old primary that is cut off and still accepts writes. The failover manager has to
/// prevent that (fencing). A pooler must not send reads to standbys.
///
/// While no synchronous standby answers, writes wait at the server for longer than their callers
/// wait, and each keeps its connection to the server. So watch the standbys, and set the role's
/// connection limit to no more than the server can spare.
///
/// A call that is cancelled or takes too long has happened whole or not at all, or will do so
/// within the [timeout](PostgresOptions::timeout). Its connection can be used again, or is
/// replaced if the server does not answer.
///
/// # Behind a pooler
///
/// No statement needs or leaves any state in its database session. Some poolers give each
/// transaction another server connection, such as PgBouncer in transaction mode. Behind such a
/// pooler, turn [prepared statements](PostgresOptions::prepared_statements) off, unless the pooler
/// handles prepared statements itself. Otherwise a client could run a statement that another has
/// prepared.
///
/// # Rights
///
/// The role that opens the store for the first time needs `CREATE` on the schema, or on the
/// database if the schema is missing. Since PostgreSQL 15 a plain role does not have this right on
/// `public`: grant it, or give the store a [schema](PostgresOptions::schema) of its own. After
/// that, a role needs `USAGE` on the schema, `SELECT`, `INSERT`, `UPDATE` and `DELETE` on the
/// table, and `SELECT` on the table with `_version` after its name. A role that lacks one of these is
/// [refused](tower_bearer::store::OpenErrorKind::Refused) as it opens the store. To keep key rings it needs `SELECT`,
/// `INSERT` and `UPDATE` on the table with `_rings` after its name. A store that keeps none needs no right there,
/// so these are not looked at: without them, the calls of rings are `Unavailable`.
///
/// Tables that were made by a version without key rings get the missing one when a role opens the store that owns them
/// and has `CREATE` on the schema. Until then other roles are refused, so let the owner open it first.
///
/// The application's texts are kept as the bytes of their UTF-8, so that every text comes back
/// unchanged. To read one, use `convert_from(subject, 'UTF8')`. The column `secret` is not enough
/// to make a token, but keep it secret all the same: a server that logs statements with their
/// parameters logs it at each login.
///
/// # Dead sessions
///
/// An ended session stays in the table until its newest refresh token expires, and for at least a
/// day, but never beyond its `ends_at`: a token that is used after the end is recognised by it. Its
/// row is then without metadata and claims, and usually takes less than half a kilobyte. However
/// many dead sessions a subject has, its logins, lists and logouts cost the same.
///
/// The store deletes nothing by itself. Let one of the processes, or each, start
/// [`Sessions::clean_up`], which deletes dead and expired sessions at intervals.
///
/// Keep autovacuum on. A rotation writes to no index, but the end of a session leaves entries
/// behind in indexes. Later logins of the subject use their room, and the next vacuum removes the
/// others. Only if very many sessions of one subject end with no login after them, the subject's
/// next list looks at each of their entries: 100 000 of them take it about a second once, and later
/// lists a millisecond more until the vacuum.
///
/// # Errors of the operations
///
/// | [kind](tower_bearer::store::StoreErrorKind) | where |
/// | --- | --- |
/// | `Busy` | another transaction has locked the session for too long, or was in conflict with a role that has a stricter isolation than `read committed` |
/// | `Timeout` | no connection could be made or became free, or no answer came, within the [timeout](PostgresOptions::timeout) |
/// | `Unavailable` | the connection was lost, the server shuts down, is read-only or full, its tables or a right are missing, or the store is closed |
/// | `Duplicate` | a session with this identifier exists |
/// | `Unstorable` | the server can never keep the row: issuer and subject are together too long for an index (more than about 2 600 bytes), or a constraint or a trigger of the application's refuses it |
/// | `Corrupt` | the row of the session or the ring, or the table cannot be read |
///
/// A failed write leaves the session as it was. Only after a `Timeout`, or if the connection was
/// lost before the answer, is it unknown whether the write happened. The client's next request
/// is then served in either case.
///
/// [`Sessions::clean_up`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Sessions.html#method.clean_up
#[derive(Clone)]
pub struct PostgresStore {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
    loads: Arc<Grouping<Loader>>,
    swaps: Arc<Grouping<SwapWriter>>,
}

impl PostgresStore {
    /// Connects to the database at an address, `postgres://user:password@host:5432/database`,
    /// and creates the tables if they are missing.
    ///
    /// # Errors
    ///
    /// If the address or the database cannot be used, the server is a standby, or the tables are
    /// of another version of this crate.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, PostgresOptions::new()).await
    }

    /// Like [`connect`](Self::connect), with other names, timeouts or numbers of connections.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect), and if a name cannot be used.
    pub async fn connect_with(address: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        Self::new_with(options.pool(address)?, options).await
    }

    /// Uses a pool of the application, and creates the tables if they are missing.
    ///
    /// Use a pool that nothing else uses: if a `begin()` is cancelled, sqlx 0.9 puts the connection
    /// back into the pool in the middle of a transaction. What is then written through that
    /// connection, a logout for example, is never committed. Set a `statement_timeout` for the
    /// pool's role, about half of the store's [timeout](PostgresOptions::timeout): for prepared
    /// statements, the store sets none in a pool of the application.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect).
    pub async fn new(pool: PgPool) -> Result<Self, OpenError> {
        Self::new_with(pool, PostgresOptions::new()).await
    }

    /// Like [`new`](Self::new), with other names or timeouts.
    ///
    /// # Errors
    ///
    /// The same as for [`new`](Self::new), and if a name cannot be used.
    pub async fn new_with(pool: PgPool, options: PostgresOptions) -> Result<Self, OpenError> {
        let names = options.names()?;
        schema::prepare(&pool, &names).await?;
        let statements = Arc::new(Statements::new(&names, options.lock_timeout()));
        let connections = Arc::new(options.connections(pool));
        let writer = SwapWriter::new(&connections, &statements);
        Ok(Self {
            loads: Grouping::new(Loader::new(&connections, &statements), LOAD_LANES),
            swaps: Grouping::new(writer, connections.lanes()),
            connections,
            statements,
        })
    }

    /// Waits for the calls that are under way and closes the connections, also those of a pool
    /// that was given to [`new`](Self::new). Later calls, also on clones, fail as
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
        let insert = values::record(statement(&self.statements.insert), record)?;
        self.connections.write(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        in_time(self.connections.timeout, self.loads.call(id)).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        if !columns::can_hold(expected, next.version) {
            return Ok(Swap::Lost);
        }
        let next = next.clone();
        let swap = PendingSwap { id, expected, next };
        in_time(self.connections.timeout, self.swaps.call(swap)).await
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

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let end = statement(&self.statements.end)
            .bind(id.as_uuid())
            .bind(reason.as_str());
        Ok(!self.connections.write(end).await?.is_empty())
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let end_all = statement(&self.statements.end_all)
            .bind(issuer.as_bytes())
            .bind(subject.as_bytes())
            .bind(keep.map(|id| id.as_uuid()))
            .bind(reason.as_str());
        let ended = self.connections.write(end_all).await?;
        ended.iter().map(row::id).collect()
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let before = before.map(|id| id.as_uuid());
        let list = statement(&self.statements.list)
            .bind(issuer.as_bytes())
            .bind(subject.as_bytes())
            .bind(before.unwrap_or(Uuid::max()))
            .bind(before)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.connections.read(list).await?;
        let records = rows.iter().map(row::read).filter_map(Result::transpose);
        Ok(Listed::new(
            records.collect::<Result<_, _>>()?,
            row::now(&rows)?,
        ))
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        self.walk(issuer, after, limit.max(1)).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let after = after.map(|id| id.as_uuid());
        let ended_since = statement(&self.statements.ended_since)
            .bind(since.as_millis())
            .bind(after.unwrap_or(Uuid::nil()))
            .bind(after)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.connections.read(ended_since).await?;
        let ended = rows.iter().map(row::ended).filter_map(Result::transpose);
        ended.collect()
    }

    // In batches, so that other writers can run between them.
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

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        let ask = statement(&self.statements.has_sessions);
        row::has_sessions(&self.connections.read(ask).await?).map(Some)
    }
}
