//! [`SqliteStore`]: sessions in a SQLite database.
//!
//! Every write is drained to its end before it is acknowledged (`execute`, `fetch_all`):
//! SQLite commits after the last row, so that a first row alone proves nothing.

mod error;
mod open;
mod row;
mod schema;
mod swap;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use sqlx::SqlitePool;

pub use self::open::SqliteOptions;
use self::{error::failed, open::Pools, swap::SwapWriter};
use tower_bearer::{
    claims::SessionId,
    clock::{Clock, SystemClock, Timestamp},
    store::{
        Listed, Loaded, OpenError, Record, RevokeReason, SessionState, SessionStore, StoreError,
        Swap,
    },
};

use crate::{
    columns,
    group_commit::{GroupCommit, Pending},
};

/// How many confirmations a statement writes, and how many sessions one deletes.
const BATCH: usize = 256;

const INSERT: &str = concat!(
    "INSERT INTO tower_bearer_sessions (",
    columns::names!(),
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);
const LOAD: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM tower_bearer_sessions WHERE id = ?"
);
/// The pairs come as one JSON text, so that one prepared statement serves any number of them.
const CONFIRM: &str = "
UPDATE tower_bearer_sessions AS kept SET confirmed_at = ?, version = kept.version + 1
FROM json_each(?) AS pair
WHERE kept.id = unhex(pair.value ->> 0) AND kept.generation = pair.value ->> 1
    AND kept.confirmed_at IS NULL AND kept.revoked_at IS NULL";
const END: &str = "
UPDATE tower_bearer_sessions SET revoked_at = ?, revoked_reason = ?, version = version + 1
WHERE id = ? AND revoked_at IS NULL";
const END_ALL: &str = "
UPDATE tower_bearer_sessions SET revoked_at = ?, revoked_reason = ?, version = version + 1
WHERE issuer = ? AND subject = ? AND revoked_at IS NULL
RETURNING id";
/// Any identifier is above the empty blob.
const LIST: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM tower_bearer_sessions
    WHERE issuer = ?1 AND subject = ?2 AND id > ?3
        AND revoked_at IS NULL AND expires_at > ?4 AND ends_at > ?4
    ORDER BY id LIMIT ?5"
);
const DELETE_EXPIRED: &str = "
DELETE FROM tower_bearer_sessions WHERE rowid IN (
    SELECT rowid FROM tower_bearer_sessions WHERE ends_at <= ? ORDER BY ends_at LIMIT ?
)";

/// Keeps sessions in a SQLite database, in two tables whose names begin with `tower_bearer_`.
///
/// It is made for one machine: any number of processes there may share the file, and their one
/// clock is the machine's. The file has to lie on a local disk, as a write-ahead log does not
/// work over a network file system.
///
/// A database that it opens itself is in WAL mode with `synchronous = FULL`: a session, a
/// rotation or a logout that was acknowledged outlives `kill -9` and a power cut, as far as the
/// disk keeps what it has synced. It is lost with the file, and so is a logout when an older
/// copy of the file is put back.
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
/// A file that it opens itself has one connection that writes and
/// [4 that read](SqliteOptions::readers). A pool of the application's own is used for both.
///
/// A rotation that finds none under way is written at once. Those that come while others are being
/// written go together, up to 64 in one statement and one commit: the busier the store, the more.
/// All other writes are commits of their own.
///
/// SQLite locks no rows, but all of the file: while another process writes, all writes here wait, up
/// to the [busy timeout](SqliteOptions::busy_timeout). In WAL mode loads do not.
///
/// # Errors of the operations
///
/// | [kind](tower_bearer::store::StoreErrorKind) | where |
/// | --- | --- |
/// | `Busy` | another process held the lock for longer than the busy timeout |
/// | `Timeout` | no connection of the pool came free in time |
/// | `Unavailable` | the file is read-only, cannot be opened, the disk is full or fails, the store is closed |
/// | `Corrupt` | the file, or the session's row, cannot be read |
///
/// A failed write leaves the session as it was.
#[derive(Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    swaps: Arc<GroupCommit<SwapWriter>>,
}

impl SqliteStore {
    /// Opens a database by its URL (`sqlite:app.db`, `sqlite:///var/lib/app.db?mode=rw`), its
    /// path (`app.db`), or a new one in memory (`sqlite::memory:`), and makes its tables.
    ///
    /// A file that is missing is made, readable by its owner only; the `mode` of a URL tells
    /// otherwise: `rw` wants it to be there, `ro` writes nothing at all.
    ///
    /// # Errors
    ///
    /// Where the address or
    /// the file cannot be used, another process holds the lock, or the tables are those of
    /// another version of this crate.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, SqliteOptions::new()).await
    }

    /// As [`connect`](Self::connect), with other timeouts or numbers of connections.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with(address: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::opened(open::open(address, &options).await?).await
    }

    /// Uses the application's own pool, and makes its tables there.
    ///
    /// How durable a write is and how long it waits is then up to the pool. Give it
    /// `journal_mode(Wal)` and `synchronous(Full)`: with less, a power cut can undo a logout
    /// that was acknowledged. Give it a `busy_timeout` of some seconds too.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn new(pool: SqlitePool) -> Result<Self, OpenError> {
        Self::opened(Pools::one(pool)).await
    }

    async fn opened(Pools { writer, readers }: Pools) -> Result<Self, OpenError> {
        schema::prepare(&writer).await?;
        Ok(Self {
            // There is one writer at a time, whatever we do.
            swaps: GroupCommit::new(SwapWriter(writer.clone()), 1),
            writer,
            readers,
            clock: Arc::new(SystemClock),
        })
    }

    /// Tells the time by `clock` instead of the system's. All processes that share the file
    /// need the same.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Waits for the calls that are under way and closes the connections, those of a pool that
    /// was given to [`new`](Self::new) too. Later calls, on clones as well, are
    /// [`Unavailable`](tower_bearer::store::StoreErrorKind::Unavailable).
    pub async fn close(&self) {
        // The last to leave empties the write-ahead log, which a reader cannot.
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("closed", &self.writer.is_closed())
            .finish_non_exhaustive()
    }
}

impl SessionStore for SqliteStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let insert = row::bind(sqlx::query(INSERT), record)?;
        insert.execute(&self.writer).await.map(drop).map_err(failed)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let load = sqlx::query(LOAD).bind(row::id_bytes(id));
        let found = load.fetch_optional(&self.readers).await.map_err(failed)?;
        let now = self.clock.now();
        let record = found.as_ref().map(row::read).transpose()?;
        Ok(Loaded::new(record, now))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        let next = next.clone();
        self.swaps.swap(Pending { id, expected, next }).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for batch in pairs.chunks(BATCH) {
            let mut writer = self.writer.acquire().await.map_err(failed)?;
            let confirm = sqlx::query(CONFIRM)
                .bind(self.clock.now().as_millis())
                .bind(pairs_json(batch));
            confirm.execute(&mut *writer).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
        let mut writer = self.writer.acquire().await.map_err(failed)?;
        let end = sqlx::query(END)
            .bind(self.clock.now().as_millis())
            .bind(reason.as_str())
            .bind(row::id_bytes(id));
        let done = end.execute(&mut *writer).await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut writer = self.writer.acquire().await.map_err(failed)?;
        let end_all = sqlx::query(END_ALL)
            .bind(self.clock.now().as_millis())
            .bind(reason.as_str())
            .bind(issuer)
            .bind(subject);
        let ended = end_all.fetch_all(&mut *writer).await.map_err(failed)?;
        ended.iter().map(row::id).collect()
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(failed)?;
        let now = self.clock.now();
        let list = sqlx::query(LIST)
            .bind(issuer)
            .bind(subject)
            .bind(after.map(row::id_bytes).unwrap_or_default())
            .bind(now.as_millis())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = list.fetch_all(&mut *reader).await.map_err(failed)?;
        let records = rows.iter().map(row::read).collect::<Result<_, _>>()?;
        Ok(Listed::new(records, now))
    }

    // In batches, between which other writers get their turn.
    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let now = self.clock.now().as_millis();
        let mut deleted = 0;
        while deleted < limit {
            let batch = BATCH.min(limit - deleted);
            let delete = sqlx::query(DELETE_EXPIRED)
                .bind(now)
                .bind(i64::try_from(batch).unwrap_or(i64::MAX));
            let done = delete
                .execute(&self.writer)
                .await
                .map_err(failed)?
                .rows_affected();
            let done = usize::try_from(done).unwrap_or(batch);
            deleted += done;
            if done < batch {
                break;
            }
        }
        Ok(deleted)
    }
}

/// `[["<32 hex digits>",<generation>],…]`
fn pairs_json(pairs: &[(SessionId, u32)]) -> String {
    let pair = |(id, generation): &(SessionId, u32)| {
        format!("[\"{}\",{generation}]", id.as_uuid().simple())
    };
    format!("[{}]", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
}
