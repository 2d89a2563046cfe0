//! Creates the tables, and checks their version. The version is in a table, since `user_version`
//! belongs to the application.

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, SqlitePool};

use tower_bearer::store::{OpenError, OpenErrorKind, StoreErrorKind};

use crate::tables::{SCHEMA, Tables};

use super::{error, writer::Writer};

/// The table of sessions is not `WITHOUT ROWID`, which would be slow with long rows.
const CREATE: &str = "
CREATE TABLE tower_bearer_schema (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE tower_bearer_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    auth_time INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    scope TEXT NOT NULL,
    client_id TEXT,
    claims TEXT NOT NULL,
    metadata TEXT NOT NULL,
    idle_lifetime INTEGER,
    extra TEXT NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER,
    delivered_at INTEGER,
    confirmed_at INTEGER,
    late INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_refreshed_at INTEGER,
    bound_to BLOB,
    state_extra TEXT NOT NULL,
    ended_at INTEGER,
    end_reason TEXT
) STRICT;
CREATE INDEX tower_bearer_sessions_live ON tower_bearer_sessions (issuer, subject, id)
    WHERE ended_at IS NULL;
CREATE INDEX tower_bearer_sessions_ended ON tower_bearer_sessions (ended_at, id)
    WHERE ended_at IS NOT NULL;
CREATE INDEX tower_bearer_sessions_ends_at ON tower_bearer_sessions (ends_at);
";
/// A name is a blob, as texts end at a NUL in some of SQLite's functions.
const CREATE_RINGS: &str = "
CREATE TABLE tower_bearer_rings (
    name BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    document BLOB NOT NULL
) STRICT;
";

const SCHEMA_EXISTS: &str =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'tower_bearer_schema'";
const READ_VERSION: &str = "SELECT version FROM tower_bearer_schema";
const WRITE_VERSION: &str =
    "INSERT OR REPLACE INTO tower_bearer_schema (only, version) VALUES (1, ?1)";

/// Creates the tables that are missing. Any number of processes may do so at the same time.
pub(super) async fn prepare(writer: &Writer) -> Result<(), OpenError> {
    let mut attempts = writer.attempts();
    loop {
        match create(&writer.pool).await {
            Err(error) if attempts.another_after(kind(&error)).await => {}
            outcome => return outcome,
        }
    }
}

fn kind(error: &OpenError) -> StoreErrorKind {
    error::cause(error).map_or(StoreErrorKind::Unavailable, error::kind)
}

async fn create(pool: &SqlitePool) -> Result<(), OpenError> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    // If the tables exist nothing is written, as the database may be read-only.
    if tables(&mut connection).await? == Some(Tables::Current) {
        return Ok(());
    }
    // `IMMEDIATE` waits for the lock. Meanwhile another process may have created the tables.
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(failed)?;
    let missing = match tables(&mut transaction).await? {
        None => [CREATE, CREATE_RINGS].concat(),
        Some(Tables::WithoutRings) => CREATE_RINGS.to_owned(),
        Some(Tables::Current) => return Ok(()),
    };
    sqlx::raw_sql(AssertSqlSafe(missing))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    sqlx::query(WRITE_VERSION)
        .bind(SCHEMA)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// The tables, if there are any. It is an error if they are of another version.
async fn tables(connection: &mut SqliteConnection) -> Result<Option<Tables>, OpenError> {
    let tables: i64 = sqlx::query_scalar(SCHEMA_EXISTS)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if tables == 0 {
        return Ok(None);
    }
    let version: Option<i64> = sqlx::query_scalar(READ_VERSION)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Tables::of_version(version).map(Some)
}

pub(super) fn failed(error: sqlx::Error) -> OpenError {
    let why = match error::kind(&error) {
        StoreErrorKind::Busy | StoreErrorKind::Timeout => {
            "its database is locked by another process"
        }
        _ => "its database cannot be read or written",
    };
    OpenError::new(OpenErrorKind::Unreachable, why).with_source(error)
}
