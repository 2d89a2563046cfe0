use std::error::Error as _;

use sqlx::error::DatabaseError;

use tower_bearer::store::{StoreError, StoreErrorKind};

/// What the server said. Not its detail, which can show a whole row, with the secret in it.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
struct ServerError {
    code: String,
    message: String,
}

/// A server that would answer from the past.
#[derive(Debug, thiserror::Error)]
#[error("the server is read-only: it is a standby, or not the primary any more")]
pub(super) struct ReadOnly;

/// What a failed statement means.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    let kind = kind(&error);
    match error {
        sqlx::Error::Database(error) => StoreError::with_source(kind, told(&*error)),
        error => StoreError::with_source(kind, error),
    }
}

fn told(error: &dyn DatabaseError) -> ServerError {
    ServerError {
        code: error.code().unwrap_or_default().into_owned(),
        message: error.message().to_owned(),
    }
}

pub(super) fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::Database(error) => database_kind(error.code().as_deref().unwrap_or_default()),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

/// By the SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn database_kind(code: &str) -> StoreErrorKind {
    match code {
        "23505" => StoreErrorKind::Duplicate,
        // A serialization failure, a deadlock, a lock timeout.
        "40001" | "40P01" | "55P03" => StoreErrorKind::Busy,
        // The statement timeout or an administrator, and the timeouts of transactions.
        "57014" | "25P03" | "25P04" => StoreErrorKind::Timeout,
        _ if code.starts_with("XX00") && code != "XX000" => StoreErrorKind::Corrupt,
        // Read-only, shut down, starting up, full, forbidden, and what nobody thought of.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether the connection is as good as before: only where the server refused the statement for
/// a reason that passes. Any other gets a new connection, perhaps to another server.
pub(super) fn spares_connection(error: &sqlx::Error) -> bool {
    let passes = matches!(
        kind(error),
        StoreErrorKind::Busy | StoreErrorKind::Duplicate
    );
    let is_canceled = |error: &dyn DatabaseError| error.code().as_deref() == Some("57014");
    match error {
        sqlx::Error::Database(error) => passes || is_canceled(&**error),
        _ => false,
    }
}

/// Whether one row of several can be the reason for a failure: data that a check or a trigger
/// which somebody has added refuses, a conflict with another transaction, a page that is damaged.
/// The server has then undone the whole statement.
pub(super) fn is_of_a_row(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let code = source.map_or("", |ServerError { code, .. }| code.as_str());
    let class = code.get(..2).unwrap_or_default();
    matches!(class, "22" | "23" | "44" | "P0" | "XX") || error.kind() == StoreErrorKind::Busy
}
