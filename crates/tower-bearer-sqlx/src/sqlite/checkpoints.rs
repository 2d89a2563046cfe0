//! Brings the write-ahead log into the file beside the writes. SQLite would do so within one of them,
//! and all others would wait until the disk has synced the file.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sqlx::SqlitePool;
use tokio::sync::Mutex;

/// How many pages the log may have before SQLite brings it into the file within a write after all.
/// That happens when the log was never empty for a moment, so that it could begin anew.
pub(super) const LONGEST_LOG: u32 = 8_192;

/// After how many written rows a checkpoint follows. Most rows are written to a page of their own, and
/// SQLite's own measure is a thousand pages.
const ROWS: u64 = 1_000;

const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The connection for checkpoints.
pub(super) struct Checkpoints {
    pool: SqlitePool,
    /// How many rows were written since the last checkpoint has begun.
    rows: AtomicU64,
    under_way: Arc<Mutex<()>>,
}

impl Checkpoints {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            rows: AtomicU64::new(0),
            under_way: Arc::default(),
        }
    }

    /// Begins a checkpoint in a task of its own if enough was written, and none is under way.
    pub(super) fn wrote(&self, rows: u64) {
        let before = self.rows.fetch_add(rows, Ordering::Relaxed);
        if before.saturating_add(rows) < ROWS {
            return;
        }
        let Ok(under_way) = Arc::clone(&self.under_way).try_lock_owned() else {
            return;
        };
        self.rows.store(0, Ordering::Relaxed);
        let pool = self.pool.clone();
        tokio::spawn(async move {
            // If it fails, the log grows until SQLite does it within a write.
            sqlx::query(CHECKPOINT).execute(&pool).await.ok();
            drop(under_way);
        });
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tower_bearer::{
        clock::Timestamp,
        store::{Record, Session, SessionSecret, SessionStore},
    };

    use super::*;
    use crate::SqliteStore;

    /// The pages in the log, and how many of them are in the file too.
    async fn log(store: &SqliteStore) -> (i64, i64) {
        let log = sqlx::query_as("PRAGMA wal_checkpoint(NOOP)");
        let (_, pages, done): (i64, i64, i64) = log.fetch_one(&store.readers).await.unwrap();
        (pages, done)
    }

    async fn opened(directory: &Path) -> SqliteStore {
        let file = directory.join("app.db");
        SqliteStore::connect(file.to_str().unwrap()).await.unwrap()
    }

    async fn write(store: &SqliteStore) {
        let secret = SessionSecret::from_bytes([1; 32]);
        let id = tower_bearer::claims::SessionId::from_uuid(uuid::Uuid::now_v7());
        let session = Session::new(id, "i", "s", secret, Timestamp::from_secs(9));
        store.insert(&Record::new(session)).await.unwrap();
    }

    fn of(store: &SqliteStore) -> &Checkpoints {
        store.writer.checkpoints.as_deref().unwrap()
    }

    /// Waits for the checkpoint that is under way.
    async fn wait(store: &SqliteStore) {
        drop(of(store).under_way.lock().await);
    }

    #[tokio::test]
    async fn the_log_is_brought_into_the_file_after_enough_rows() {
        let directory = tempfile::tempdir().unwrap();
        let store = opened(directory.path()).await;
        of(&store).wrote(ROWS - 2);
        write(&store).await;
        wait(&store).await;
        let (pages, done) = log(&store).await;
        assert!(pages > 0);
        assert_eq!(done, 0);

        write(&store).await;
        wait(&store).await;
        let (pages, done) = log(&store).await;
        assert!(pages > 0);
        assert_eq!(done, pages);
    }

    #[tokio::test]
    async fn rows_written_during_a_checkpoint_count_for_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let store = opened(directory.path()).await;
        let held = of(&store).under_way.lock().await;
        of(&store).wrote(ROWS);
        write(&store).await;
        drop(held);
        assert_eq!(log(&store).await.1, 0);

        write(&store).await;
        wait(&store).await;
        let (pages, done) = log(&store).await;
        assert_eq!(done, pages);
    }

    #[tokio::test]
    async fn a_write_is_done_also_where_no_checkpoint_can_be() {
        let directory = tempfile::tempdir().unwrap();
        let store = opened(directory.path()).await;
        of(&store).close().await;
        of(&store).wrote(ROWS);
        wait(&store).await;
        write(&store).await;
        assert_eq!(log(&store).await.1, 0);
    }

    #[tokio::test]
    async fn nothing_of_it_is_left_when_the_store_was_closed() {
        let directory = tempfile::tempdir().unwrap();
        let store = opened(directory.path()).await;
        write(&store).await;
        of(&store).wrote(ROWS);
        store.close().await;
        assert!(!directory.path().join("app.db-wal").exists());
    }
}
