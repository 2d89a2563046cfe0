//! [`PostgresStore`]: sessions in a PostgreSQL database.

mod connections;
mod error;
mod names;
mod options;
mod row;
mod schema;
mod statements;

use std::{fmt, sync::Arc};

use sqlx::PgPool;
use uuid::Uuid;

pub use self::options::PostgresOptions;
use self::{connections::Connections, row::statement, statements::Statements};
use super::{Listed, Loaded, RevokeReason, Session, SessionStore, StoreError, Swap, columns};
use crate::{claims::SessionId, clock::Timestamp, error::ConfigError};

/// How many confirmations a statement writes, and how many sessions one deletes.
const BATCH: usize = 256;

/// Keeps sessions in a PostgreSQL database.
#[derive(Clone)]
pub struct PostgresStore {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
}

impl PostgresStore {
    /// Connects to the database at an address, `postgres://user:password@host:5432/database`,
    /// and makes the tables there.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Store`](crate::error::ConfigErrorKind::Store), where the address or
    /// the database cannot be used, the server is a standby, or the tables are those of a newer
    /// version of this crate.
    pub async fn connect(address: &str) -> Result<Self, ConfigError> {
        Self::connect_with(address, PostgresOptions::new()).await
    }

    /// As [`connect`](Self::connect), with other names, timeouts or numbers of connections.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and where a name cannot be used.
    pub async fn connect_with(
        address: &str,
        options: PostgresOptions,
    ) -> Result<Self, ConfigError> {
        Self::new_with(options.pool(address)?, options).await
    }

    /// Uses the application's own pool, and makes the tables there.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn new(pool: PgPool) -> Result<Self, ConfigError> {
        Self::new_with(pool, PostgresOptions::new()).await
    }

    /// As [`new`](Self::new), with other names or timeouts.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and where a name cannot be used.
    pub async fn new_with(pool: PgPool, options: PostgresOptions) -> Result<Self, ConfigError> {
        let names = options.names()?;
        schema::migrate(&pool, &names).await?;
        Ok(Self {
            statements: Arc::new(Statements::new(&names, options.lock_timeout())),
            connections: Arc::new(options.connections(pool)),
        })
    }

    /// Waits for the calls that are under way and closes the connections, those of a pool that
    /// was given to [`new`](Self::new) too. Later calls, on clones as well, are
    /// [`Unavailable`](super::StoreErrorKind::Unavailable).
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

    async fn insert(&self, session: &Session) -> Result<(), StoreError> {
        let insert = row::bind(statement(&self.statements.insert), session);
        self.connections.write(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let load = statement(&self.statements.load).bind(id.as_uuid());
        let rows = self.connections.read(load).await?;
        let session = rows.first().map(row::read).transpose()?.flatten();
        Ok(Loaded::new(session, row::now(&rows)?))
    }

    async fn swap(&self, expected: u64, next: &Session) -> Result<Swap, StoreError> {
        // No row has a version that a column cannot hold.
        let Ok(expected) = i64::try_from(expected) else {
            return Ok(Swap::Lost);
        };
        let swap = statement(&self.statements.swap)
            .bind(next.id.as_uuid())
            .bind(expected)
            .bind(i64::from(next.generation))
            .bind(columns::millis(next.rotated_at))
            .bind(columns::millis(next.delivered_at))
            .bind(columns::millis(next.confirmed_at))
            .bind(i64::from(next.late))
            .bind(next.expires_at.as_millis())
            .bind(columns::revoked_at(next.revoked))
            .bind(columns::reason(next.revoked))
            .bind(columns::millis(next.last_refreshed_at))
            .bind(i64::try_from(next.version).unwrap_or(i64::MAX));
        Ok(match self.connections.write(swap).await?.is_empty() {
            true => Swap::Lost,
            false => Swap::Swapped,
        })
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
        let sessions = rows.iter().map(row::read).filter_map(Result::transpose);
        Ok(Listed::new(
            sessions.collect::<Result<_, _>>()?,
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
