//! The tables, and how they come about. The version is kept in a table of our own, so that the
//! application's `user_version` stays the application's.

use sqlx::{Connection as _, SqliteConnection, SqlitePool};

use crate::store::{OpenError, OpenErrorKind, StoreErrorKind};

/// Each brings the schema from its index to the next version. They are only ever added to.
///
/// Sessions have a rowid: a row may hold a long note, and such rows make a slow `WITHOUT ROWID`
/// table.
const MIGRATIONS: [&str; 2] = [
    "
CREATE TABLE tower_bearer_schema (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE tower_bearer_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    secret BLOB NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER,
    delivered_at INTEGER,
    confirmed INTEGER NOT NULL,
    late INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_refreshed_at INTEGER,
    auth_time INTEGER NOT NULL,
    scope TEXT NOT NULL,
    client_id TEXT,
    claims TEXT NOT NULL,
    metadata TEXT NOT NULL
) STRICT;
CREATE INDEX tower_bearer_sessions_subject ON tower_bearer_sessions (issuer, subject, id);
CREATE INDEX tower_bearer_sessions_ends_at ON tower_bearer_sessions (ends_at);
",
    "
ALTER TABLE tower_bearer_sessions ADD COLUMN confirmed_at INTEGER;
UPDATE tower_bearer_sessions SET confirmed_at = coalesce(delivered_at, created_at) WHERE confirmed;
ALTER TABLE tower_bearer_sessions DROP COLUMN confirmed;
",
];

const SCHEMA_EXISTS: &str =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'tower_bearer_schema'";
const READ_VERSION: &str = "SELECT version FROM tower_bearer_schema";
const WRITE_VERSION: &str = "
INSERT INTO tower_bearer_schema (only, version) VALUES (1, ?1)
ON CONFLICT (only) DO UPDATE SET version = excluded.version";

/// Brings the database up to date. Any number of processes may do so at once.
pub(super) async fn migrate(pool: &SqlitePool) -> Result<(), OpenError> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    // A database that is up to date is not written to: it may be read-only.
    if steps_done(&mut connection).await? == MIGRATIONS.len() {
        return Ok(());
    }
    // `IMMEDIATE` waits for the writer's lock; another process may have held it for the same.
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(failed)?;
    let done = steps_done(&mut transaction).await?;
    for step in MIGRATIONS.into_iter().skip(done) {
        sqlx::raw_sql(step)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    let version = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    sqlx::query(WRITE_VERSION)
        .bind(version)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

async fn steps_done(connection: &mut SqliteConnection) -> Result<usize, OpenError> {
    let tables: i64 = sqlx::query_scalar(SCHEMA_EXISTS)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if tables == 0 {
        return Ok(0);
    }
    let version: Option<i64> = sqlx::query_scalar(READ_VERSION)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    match usize::try_from(version.unwrap_or(0)) {
        Ok(done) if done <= MIGRATIONS.len() => Ok(done),
        _ => Err(OpenError::new(
            OpenErrorKind::Unsuitable,
            "a newer version of this crate has migrated it",
        )),
    }
}

pub(super) fn failed(error: sqlx::Error) -> OpenError {
    let why = match super::error::kind(&error) {
        StoreErrorKind::Busy | StoreErrorKind::Timeout => {
            "its database is locked by another process"
        }
        _ => "its database cannot be read or written",
    };
    OpenError::new(OpenErrorKind::Unreachable, why).with_source(error)
}
