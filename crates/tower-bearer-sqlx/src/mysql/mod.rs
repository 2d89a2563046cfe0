//! [`MySqlStore`]: sessions in a MySQL or MariaDB database.

mod connections;
mod end_all;
mod error;
mod listing;
mod lists;
mod names;
mod options;
mod rings;
mod row;
mod schema;
mod settings;
mod statements;

use std::{fmt, sync::Arc};

use sqlx::MySqlPool;

pub use self::options::MySqlOptions;
use self::{
    connections::Connections,
    end_all::EndAll,
    lists::filled,
    row::Statement,
    schema::Prepared,
    statements::{MOST, Statements},
};
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, OpenError, Record, SessionState,
        SessionStore, StoreError, Swap,
    },
};

use crate::{columns, values};

/// How many sessions one statement deletes.
const BATCH: usize = 256;

/// Keeps sessions and key rings in a MySQL or MariaDB database: in a table of InnoDB each, and one with their version.
///
/// Any number of servers may share the store. Their clock is that of the database server. Keep it
/// and the clocks of its replicas synchronized: after a failover the replica's clock counts. Each operation
/// is one statement, except that the end of all sessions of a subject is one transaction. InnoDB writes the
/// commits that meet together by itself.
///
/// ```no_run
/// use tower_bearer_sqlx::MySqlStore;
///
/// # async fn example() -> Result<(), tower_bearer::store::OpenError> {
/// let store = MySqlStore::connect("mysql://app:secret@db.example/app").await?;
/// # Ok(())
/// # }
/// ```
///
/// The address may also begin with `mariadb://`, and `?socket=/run/mysqld/mysqld.sock` names a Unix socket.
///
/// # Servers
///
/// | server | |
/// | --- | --- |
/// | MariaDB 10.11 | tested: alone, with a replica that takes over, and as a Galera cluster |
/// | MariaDB 10.5 to 10.10, and newer than 10.11 | expected to work, not tested |
/// | MySQL 8.0 and newer | expected to work, as the store uses only what both have; **not tested** |
/// | MySQL Group Replication | not supported with several primaries, and with one only with `group_replication_consistency` at `BEFORE_ON_PRIMARY_FAILOVER`: a load could miss what another member has acknowledged |
/// | a proxy that sends reads to replicas | not supported, and noticed if the replicas are read-only |
///
/// # Login and TLS
///
/// Use TLS if the database is on another machine: enable one of sqlx's `tls-…` features in the
/// application's own `Cargo.toml`, and add `?ssl-mode=VERIFY_IDENTITY` to the address. Without that, sqlx
/// takes TLS where it can have it, and goes on in plain text where it cannot.
///
/// Without TLS, the user logs in by `mysql_native_password`. The method `caching_sha2_password`, MySQL's
/// default, then works only while the server has the password in its cache, and `sha256_password` not at all:
/// both need TLS otherwise, as this crate leaves out sqlx's feature `mysql-rsa`, whose crate `rsa` has the
/// advisory RUSTSEC-2023-0071. sqlx knows neither `ed25519` nor the login by the name of the system's user.
///
/// # What is kept after a failure
///
/// How durable a commit is, is a setting of the whole server, which the store cannot raise for itself:
///
/// | setting | for sessions |
/// | --- | --- |
/// | `innodb_flush_log_at_trx_commit = 1`, the default | a commit is acknowledged when the disk has it |
/// | `= 2` | a power cut may take the last second |
/// | `= 0` | a kill of the database server may take the last second too |
/// | `sync_binlog = 1`, MySQL's default but not MariaDB's | the binary log is on the disk too. With another value and `log_bin`, a power cut may lose what was acknowledged, and replicas may differ from their primary |
///
/// With both settings at 1:
///
/// | what happens | sessions |
/// | --- | --- |
/// | an application server or the database server is killed | everything that was acknowledged is kept |
/// | a power cut | everything that was acknowledged is kept, unless the disk reports writes too early |
/// | a failover to a replica, or a restored backup | what the replica or the backup had not received is lost |
/// | a failover to a semi-synchronous replica | everything that was acknowledged is kept, if the primary has never stopped waiting: after `rpl_semi_sync_master_timeout`, 10 seconds by default, it goes on without the replica |
/// | a node of a Galera cluster is lost | everything that was acknowledged is kept |
///
/// A lost rotation does no harm: the client goes on, and an event tells of it (row 11 of the
/// protocol). After a lost login, the user has to log in again. **A lost logout is undone.** To
/// avoid that, use a Galera cluster, or a semi-synchronous replica with a long timeout. After restoring a
/// backup, end the sessions in it.
///
/// The store accepts data from the primary only, as it decides on the basis of every load. The answer to
/// each load tells whether `read_only` or `innodb_read_only` is set. If one is, the server is a replica or an
/// old primary. The call then fails as [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable), and
/// the connection is closed, so that the next one goes to the server that the address then leads to. So set
/// `read_only` on every replica, and take it back only when the replica has applied all that it has received.
/// A client cannot detect an old primary that is cut off and still accepts writes. The failover manager has to
/// prevent that (fencing). Give the store's user no right to write to a read-only server (`READ_ONLY ADMIN`, `SUPER`).
///
/// # Galera
///
/// The address may lead to any node, and each connection to another. Each statement waits until its node has
/// applied what the others have acknowledged (`wsrep_sync_wait`, which the store sets for its connections). If
/// two nodes write to the same session at the same time, one of them is undone and done again; it then sees
/// what the other has written. A node that is not in the primary component answers nothing: the call
/// fails as `Unavailable`, and as `Busy` while the node still waits for the others.
///
/// # Connections
///
/// A store that was given an address opens up to
/// [10 connections](MySqlOptions::max_connections) in each process. The server's own
/// `max_connections` must allow for those of all processes. Rotations never use the last connection of a
/// pool, so that a logout does not wait behind rotations that wait for a lock.
///
/// The store makes each connection independent of the server's settings: its statements commit by themselves,
/// at the isolation level `READ COMMITTED`, in the strict SQL mode, and with limits on how long a statement
/// may take and wait for a lock.
///
/// A call that is cancelled or takes too long has happened whole or not at all, or will do so
/// within the [timeout](MySqlOptions::timeout), or within a few seconds if that is shorter: the server counts
/// the wait for a lock in whole seconds. Its connection can be used again, or is replaced if the server does not answer.
/// If a machine of the application vanishes in the middle of an `end_all`, MariaDB gives up its locks after a quarter
/// of the timeout, MySQL when it notices that the connection is lost.
///
/// # Rights
///
/// The user that opens the store for the first time needs `CREATE` on the database, and `SELECT`, `INSERT` and `UPDATE`
/// on its tables. After that, a user needs `SELECT`, `INSERT`, `UPDATE` and `DELETE` on the table, `SELECT` on the table
/// with `_version` after its name, and to keep key rings `SELECT`, `INSERT` and `UPDATE` on that with `_rings`. Tables of a
/// version without key rings are refused to such a user: a user with the rights of the first time has to open them once.
///
/// Texts are kept as the bytes of their UTF-8, so that `Alice` is not `alice`; `CONVERT(subject USING utf8mb4)`
/// shows one. The column `secret` is not enough to make a token, but keep it secret all the same: the binary
/// log has it too, and a log of all statements.
///
/// # Dead sessions
///
/// An ended session stays in the table until its newest refresh token expires, and for at least a
/// day, but never beyond its `ends_at`: a token that is used after the end is recognised by it. Its
/// row is then without metadata and claims. However many dead sessions a subject has, its logins, lists and
/// logouts cost the same, once InnoDB's purge has removed their old entries. It does so within moments, unless a
/// transaction of somebody else stays open for long.
///
/// The store deletes nothing by itself. Let one of the processes, or each, start
/// [`Sessions::clean_up`], which deletes dead and expired sessions at intervals.
///
/// # Errors of the operations
///
/// | [kind](tower_bearer::store::StoreErrorKind) | where |
/// | --- | --- |
/// | `Busy` | another transaction has locked the session for too long, or others were in conflict with the call again and again |
/// | `Timeout` | no connection could be made or became free, or no answer came, within the [timeout](MySqlOptions::timeout) |
/// | `Unavailable` | the connection was lost, the server shuts down, is read-only, full or in no working cluster, its tables or a right are missing, or the store is closed |
/// | `Duplicate` | a session with this identifier exists |
/// | `Unstorable` | the server can never keep the row: the issuer has more than 1 000 bytes, the subject more than 2 000, or a constraint or a trigger of the application's refuses it |
/// | `Corrupt` | the row of the session or the ring, or the table cannot be read |
///
/// A failed write leaves the session as it was. Only after a `Timeout`, or if the connection was
/// lost before the answer, is it unknown whether the write happened. The client's next request
/// is then served in either case. Where the disk of the binary log is full, MariaDB does not fail but waits
/// for room: such a write ends as `Timeout`, and is done later or not at all.
///
/// [`Sessions::clean_up`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Sessions.html#method.clean_up
#[derive(Clone)]
pub struct MySqlStore {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
}

impl MySqlStore {
    /// Connects to the database at an address, `mysql://user:password@host:3306/database`,
    /// and creates the tables if they are missing.
    ///
    /// # Errors
    ///
    /// If the address or the database cannot be used, the server is too old, read-only or set so that it
    /// cannot keep sessions, or the tables are of another version of this crate.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, MySqlOptions::new()).await
    }

    /// Like [`connect`](Self::connect), with another name, timeout or number of connections.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect), and if the name cannot be used.
    pub async fn connect_with(address: &str, options: MySqlOptions) -> Result<Self, OpenError> {
        let connect = options::parse(address)?;
        let Prepared { names, settle } = schema::prepare(&connect, &options).await?;
        let pool = options.pool(connect, settle);
        let connections = Connections::new(pool, options.timeout, None);
        Ok(Self::over(connections, &names))
    }

    /// Uses a pool of the application, and creates the tables if they are missing.
    ///
    /// Use a pool that nothing else uses. The store sets the isolation level, the SQL mode and timeouts of a
    /// connection before each use, which is one more round trip, and leaves them set. It also rolls back
    /// what a cancelled `begin()` of others may have left open.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect).
    pub async fn new(pool: MySqlPool) -> Result<Self, OpenError> {
        Self::new_with(pool, MySqlOptions::new()).await
    }

    /// Like [`new`](Self::new), with another name or timeout.
    ///
    /// # Errors
    ///
    /// The same as for [`new`](Self::new), and if the name cannot be used.
    pub async fn new_with(pool: MySqlPool, options: MySqlOptions) -> Result<Self, OpenError> {
        let connect = pool.connect_options();
        let Prepared { names, settle } = schema::prepare(&connect, &options).await?;
        let connections = Connections::new(pool, options.timeout, Some(settle));
        Ok(Self::over(connections, &names))
    }

    fn over(connections: Connections, names: &names::Names) -> Self {
        Self {
            connections: Arc::new(connections),
            statements: Arc::new(Statements::new(names)),
        }
    }

    /// Waits for the calls that are under way and closes the connections, also those of a pool
    /// that was given to [`new`](Self::new). Later calls, also on clones, fail as
    /// [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable).
    pub async fn close(&self) {
        self.connections.pool.close().await;
    }
}

impl fmt::Debug for MySqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlStore")
            .field("closed", &self.connections.pool.is_closed())
            .finish_non_exhaustive()
    }
}

impl SessionStore for MySqlStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let now = Statement::new(&self.statements.now);
        row::now(&self.connections.read(now).await?)
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let insert = values::record(Statement::new(&self.statements.insert), record)?;
        self.connections.write(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let load = Statement::new(&self.statements.load).id(id);
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
        if !columns::can_hold(expected, next.version) {
            return Ok(Swap::Lost);
        }
        let expected = columns::version(expected)?;
        let found = match next.ended {
            Some(ended) => {
                let swap = values::swap(Statement::new(&self.statements.swap_ending), next)?;
                let swap = swap.number(columns::kept_until(next, ended));
                self.connections.write(swap.id(id).number(expected)).await?
            }
            None => {
                let swap = values::swap(Statement::new(&self.statements.swap), next)?;
                self.connections
                    .rotate(swap.id(id).number(expected))
                    .await?
            }
        };
        Ok(match found {
            0 => Swap::Lost,
            _ => Swap::Swapped,
        })
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for pairs in pairs.chunks(MOST) {
            let Some((confirm, pairs)) = filled(&self.statements.confirm, pairs) else {
                continue;
            };
            let ids = pairs.iter().map(|(id, _)| *id);
            let confirm = ids.fold(Statement::new(confirm), Statement::id);
            let confirm = pairs.iter().fold(confirm, |confirm, (id, generation)| {
                confirm.id(*id).number(i64::from(*generation))
            });
            self.connections.write(confirm).await?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let end = Statement::new(&self.statements.end)
            .bytes(reason.as_str())
            .id(id);
        Ok(self.connections.write(end).await? > 0)
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let end_all = EndAll {
            statements: Arc::clone(&self.statements),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            keep,
            reason,
        };
        self.connections.run(end_all).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.list_live(issuer, subject, before, limit).await
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
        let since = since.as_millis();
        let ended_since = match after {
            None => Statement::new(&self.statements.ended_from).number(since),
            Some(id) => Statement::new(&self.statements.ended_after)
                .number(since)
                .number(since)
                .id(id),
        };
        let rows = self.connections.read(ended_since.limit(limit)).await?;
        let ended = rows.iter().map(row::ended).filter_map(Result::transpose);
        let mut ended: Vec<_> = ended.collect::<Result<_, _>>()?;
        ended.sort_by_key(|(id, at)| (*at, id.as_uuid()));
        Ok(ended)
    }

    // In batches, so that other writers can run between them.
    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let mut deleted = 0;
        while deleted < limit {
            let batch = BATCH.min(limit - deleted);
            let delete = Statement::new(&self.statements.delete_expired).limit(batch);
            let done = self.connections.write(delete).await?;
            let done = usize::try_from(done).unwrap_or(usize::MAX);
            deleted = deleted.saturating_add(done);
            if done < batch {
                break;
            }
        }
        Ok(deleted)
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        let ask = Statement::new(&self.statements.has_sessions);
        row::has_sessions(&self.connections.read(ask).await?).map(Some)
    }
}
