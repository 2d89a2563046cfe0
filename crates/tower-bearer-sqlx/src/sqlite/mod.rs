//! [`SqliteStore`]: sessions in a SQLite database.

mod checkpoints;
mod error;
mod load;
mod open;
mod rings;
mod row;
mod schema;
mod swap;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::{fmt, sync::Arc, time::Duration};

use sqlx::SqlitePool;
use tokio::time::{Instant, sleep};

pub use self::open::SqliteOptions;
use self::{error::failed, load::Loader, open::Pools, swap::SwapWriter, writer::Writer};
use tower_bearer::{
    claims::SessionId,
    clock::{Clock, SystemClock, Timestamp},
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

/// How many queries for loads may be under way at a time.
const LOAD_LANES: usize = 2;
/// How many confirmations one statement writes.
const CONFIRMATIONS: usize = 256;
/// How many sessions one statement deletes.
const DELETIONS: usize = 64;
/// The longest pause between two statements that delete, in which others may write.
const PAUSE: Duration = Duration::from_millis(20);

const INSERT: &str = concat!(
    "INSERT INTO tower_bearer_sessions (",
    columns::names!(),
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);
/// The pairs are one JSON text, so that one prepared statement serves any number of them.
const CONFIRM: &str = "
UPDATE tower_bearer_sessions AS kept SET confirmed_at = ?,
    version = min(kept.version, 9223372036854775806) + 1
FROM json_each(?) AS pair
WHERE kept.id = unhex(pair.value ->> 0) AND kept.generation = pair.value ->> 1
    AND kept.confirmed_at IS NULL AND kept.ended_at IS NULL";
/// What an end sets, as `Record::end` does. `?2` is how long the session is kept at least.
macro_rules! end {
    () => {
        "UPDATE tower_bearer_sessions
        SET ended_at = ?1, ends_at = min(ends_at, max(expires_at, ?2)), end_reason = ?3,
            claims = '{}', metadata = '{}', state_extra = '{}',
            version = min(version, 9223372036854775806) + 1 "
    };
}
const END: &str = concat!(end!(), "WHERE id = ?4 AND ended_at IS NULL");
/// `?6` is a session that goes on.
const END_ALL: &str = concat!(
    end!(),
    "WHERE issuer = ?4 AND subject = ?5 AND id IS NOT ?6 AND ended_at IS NULL
    RETURNING id"
);
/// To list from the beginning, `?3` is above every identifier.
const LIST: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM tower_bearer_sessions
    WHERE issuer = ?1 AND subject = ?2 AND id < ?3
        AND ended_at IS NULL AND expires_at > ?4 AND ends_at > ?4
    ORDER BY id DESC LIMIT ?5"
);
/// Above every identifier, as it begins like the highest and is longer.
const ABOVE_ALL: [u8; 17] = [0xff; 17];
/// To begin with the first of those that were ended at `?1`, `?2` is the empty blob, which is below
/// every identifier.
const ENDED_SINCE: &str = "
SELECT id, ended_at FROM tower_bearer_sessions
WHERE ended_at IS NOT NULL AND (ended_at, id) > (?1, ?2)
ORDER BY ended_at, id LIMIT ?3";
const HAS_SESSIONS: &str = "SELECT EXISTS (SELECT 1 FROM tower_bearer_sessions)";

const DELETE_EXPIRED: &str = "
DELETE FROM tower_bearer_sessions WHERE rowid IN (
    SELECT rowid FROM tower_bearer_sessions WHERE ends_at <= ? ORDER BY ends_at LIMIT ?
)";

/// Keeps sessions and key rings in a SQLite database, in three tables whose names begin with `tower_bearer_`.
///
/// The store is meant for one machine. Any number of processes on it may share the file, and the
/// machine's clock is the store's clock. The file must be on a local disk, as a write-ahead log
/// does not work over a network file system.
///
/// A database that the store opens itself is in WAL mode with `synchronous = FULL`. Every session,
/// rotation and logout that was acknowledged then survives `kill -9` and a power cut, as long as
/// the disk keeps what it has synced. If an older copy of the file is restored, later sessions are
/// lost and later logouts are undone.
///
/// ```no_run
/// use tower_bearer_sqlx::SqliteStore;
///
/// # async fn example() -> Result<(), tower_bearer::store::OpenError> {
/// let store = SqliteStore::connect("sqlite:app.db").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Connections
///
/// For a file that the store opens itself, it has one connection that writes and
/// [4 that read](SqliteOptions::readers). A pool of the application is used for both.
///
/// One more connection brings the write-ahead log into the file while others write. The log, a file
/// of its own beside the database, takes up to 32 MiB, or more while another process reads for long. The
/// connections of an application's pool do this within a write, as SQLite does by itself.
///
/// A rotation that arrives while no other is being written is written at once. Rotations that
/// arrive while others are being written are written together after them, up to 64 in one statement
/// and one commit. Each other write is a commit of its own.
///
/// Loads go together in the same way, up to 64 in one query, with at most two such queries at a time.
/// A load that has waited for 50 ms is done alone as well, over another connection. A session that
/// cannot be read fails no other load.
///
/// If the application has the file analysed (`ANALYZE`, `PRAGMA optimize`), let it do so again when the
/// file has grown. With the statistics of a table of a few rows, SQLite walks the whole table for each
/// group of rotations.
///
/// SQLite does not lock single rows, but the whole file. While another process writes, all writes
/// here wait, up to the [busy timeout](SqliteOptions::busy_timeout). Where the store has opened the
/// file itself, the first of them tries for the lock every millisecond. The connections of an application's pool
/// wait as SQLite does, at ever longer intervals, so that a process that writes all the time may
/// overtake them. In WAL mode, loads do not wait for writes.
///
/// # Dead sessions
///
/// An ended session stays in the file until its newest refresh token expires, and for at least a
/// day, but never beyond its `ends_at`: a token that is used after the end is recognised by it. Its
/// row is then without metadata and claims, and usually takes less than half a kilobyte. However
/// many dead sessions a subject has, its logins, lists and logouts cost the same.
///
/// The store deletes nothing by itself. Let one of the processes, or each, start
/// [`Sessions::clean_up`], which deletes dead and expired sessions at intervals, a few at a time so
/// that rotations get their turn. The file does not shrink by it, but SQLite uses the room again.
///
/// # Errors of the operations
///
/// | [kind](tower_bearer::store::StoreErrorKind) | where |
/// | --- | --- |
/// | `Busy` | another process held the lock for longer than the busy timeout |
/// | `Timeout` | no connection of the pool became free in time |
/// | `Unavailable` | the file is read-only or cannot be opened, the disk is full or fails, a table is missing, or the store is closed |
/// | `Duplicate` | a session with this identifier exists |
/// | `Unstorable` | SQLite can never keep the row: a text of more than a gigabyte, or a row that an index or a trigger of the application's refuses |
/// | `Corrupt` | the file, or the row of the session or the ring cannot be read |
///
/// A failed write leaves the session as it was.
///
/// [`Sessions::clean_up`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Sessions.html#method.clean_up
#[derive(Clone)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    loads: Arc<Grouping<Loader>>,
    swaps: Arc<Grouping<SwapWriter>>,
}

impl SqliteStore {
    /// Opens a database by its URL (`sqlite:app.db`, `sqlite:///var/lib/app.db?mode=rw`) or its
    /// path (`app.db`), or a new one in memory (`sqlite::memory:`), and creates the tables if they
    /// are missing.
    ///
    /// A file that is missing is created, and only its owner can read it. With `mode=rw` in the
    /// URL, a missing file is an error. With `mode=ro`, nothing is ever written.
    ///
    /// # Errors
    ///
    /// If the address or the file cannot be used, another process holds the lock, or the tables
    /// are of another version of this crate.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, SqliteOptions::new()).await
    }

    /// Like [`connect`](Self::connect), with another timeout or number of connections.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect).
    pub async fn connect_with(address: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::opened(open::open(address, &options).await?).await
    }

    /// Uses a pool of the application, and creates the tables if they are missing.
    ///
    /// The pool then determines how durable a write is and how long it waits. Give it
    /// `journal_mode(Wal)` and `synchronous(Full)`: with less, a power cut can undo a logout that
    /// was acknowledged. Also give it a `busy_timeout` of some seconds.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect).
    pub async fn new(pool: SqlitePool) -> Result<Self, OpenError> {
        Self::opened(Pools::one(pool)).await
    }

    /// A statement that ends sessions now, with the first three values that it takes.
    fn ending(&self, sql: &'static str, reason: EndReason) -> row::Statement {
        let now = self.clock.now();
        sqlx::query(sql)
            .bind(now.as_millis())
            .bind((now + Record::KEPT_AFTER_END).as_millis())
            .bind(reason.as_str())
    }

    async fn opened(Pools { writer, readers }: Pools) -> Result<Self, OpenError> {
        schema::prepare(&writer).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Self {
            loads: loads(&readers, &clock),
            // SQLite allows only one writer at a time.
            swaps: Grouping::new(SwapWriter(writer.clone()), 1),
            writer,
            readers,
            clock,
        })
    }

    /// Takes the time from `clock` instead of the system's clock. All processes that share the
    /// file must use the same clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self.loads = loads(&self.readers, &self.clock);
        self
    }

    /// Waits for the calls that are under way and closes the connections, also those of a pool
    /// that was given to [`new`](Self::new). Later calls, also on clones, fail as
    /// [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable).
    pub async fn close(&self) {
        // The last connection to be closed empties the write-ahead log, so it must be the writer.
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("closed", &self.writer.pool.is_closed())
            .finish_non_exhaustive()
    }
}

impl SessionStore for SqliteStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let insert = || values::record(sqlx::query(INSERT), record);
        self.writer.execute(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let patience = self.readers.options().get_acquire_timeout();
        in_time(patience, self.loads.call(id)).await
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
        self.swaps.call(PendingSwap { id, expected, next }).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for batch in pairs.chunks(CONFIRMATIONS) {
            let confirm = || {
                let now = self.clock.now().as_millis();
                Ok(sqlx::query(CONFIRM).bind(now).bind(row::pairs_json(batch)))
            };
            self.writer.execute(confirm).await?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let end = || Ok(self.ending(END, reason).bind(row::id_bytes(id)));
        Ok(self.writer.execute(end).await? > 0)
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let end_all = || {
            let end_all = self.ending(END_ALL, reason);
            let end_all = end_all.bind(issuer.to_owned()).bind(subject.to_owned());
            Ok(end_all.bind(keep.map(row::id_bytes)))
        };
        let ended = self.writer.fetch(end_all).await?;
        ended.iter().map(row::id).collect()
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(failed)?;
        let now = self.clock.now();
        let list = sqlx::query(LIST)
            .bind(issuer)
            .bind(subject)
            .bind(before.map_or(ABOVE_ALL.to_vec(), row::id_bytes))
            .bind(now.as_millis())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = list.fetch_all(&mut *reader).await.map_err(failed)?;
        let records = rows.iter().map(row::read).collect::<Result<_, _>>()?;
        Ok(Listed::new(records, now))
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
        let ended_since = sqlx::query(ENDED_SINCE)
            .bind(since.as_millis())
            .bind(after.map(row::id_bytes).unwrap_or_default())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = ended_since.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(row::ended).collect()
    }

    // In batches, between which others may write for as long as a batch has taken.
    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let now = self.clock.now().as_millis();
        let mut deleted = 0;
        while deleted < limit {
            let began = Instant::now();
            let batch = DELETIONS.min(limit - deleted);
            let most = i64::try_from(batch).unwrap_or(i64::MAX);
            let delete = || Ok(sqlx::query(DELETE_EXPIRED).bind(now).bind(most));
            let done = self.writer.execute(delete).await?;
            let done = usize::try_from(done).unwrap_or(batch);
            deleted += done;
            if done < batch || deleted == limit {
                break;
            }
            sleep(began.elapsed().min(PAUSE)).await;
        }
        Ok(deleted)
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        let has_sessions = sqlx::query_scalar(HAS_SESSIONS).fetch_one(&self.readers);
        has_sessions.await.map(Some).map_err(failed)
    }
}

/// The loads of a store, over the connections that read.
fn loads(readers: &SqlitePool, clock: &Arc<dyn Clock>) -> Arc<Grouping<Loader>> {
    let loader = Loader {
        readers: readers.clone(),
        clock: Arc::clone(clock),
    };
    Grouping::new(loader, LOAD_LANES)
}
