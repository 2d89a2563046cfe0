use std::error::Error as _;

use sqlx::error::DatabaseError;

use tower_bearer::store::{StoreError, StoreErrorKind};

/// The server's message and SQLSTATE. The detail is left out, as it can contain a whole row with
/// the session's secret.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
struct ServerError {
    code: String,
    message: String,
}

/// The server is read-only, so its data may be out of date.
#[derive(Debug, thiserror::Error)]
#[error("the server is read-only: it is a standby, or not the primary any more")]
pub(super) struct ReadOnly;

/// The store's error for a statement that failed.
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

/// The kind of an SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn database_kind(code: &str) -> StoreErrorKind {
    match code {
        "23505" => StoreErrorKind::Duplicate,
        // A serialization failure, a deadlock or a lock timeout.
        "40001" | "40P01" | "55P03" => StoreErrorKind::Busy,
        // The statement timed out or was cancelled by an administrator, or the transaction timed
        // out.
        "57014" | "25P03" | "25P04" => StoreErrorKind::Timeout,
        _ if code.starts_with("XX00") && code != "XX000" => StoreErrorKind::Corrupt,
        // The server is read-only, shut down, starting up or full, a right is missing, and all
        // other errors.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether the connection can be used again. It can only if the server refused the statement for a
/// temporary reason. After other errors a new connection is made, perhaps to another server.
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

/// Whether a single row of several can be the reason for a failure: a check or a trigger that
/// somebody has added refuses the data, another transaction is in conflict, or a page is damaged.
/// The server has then undone the whole statement.
pub(super) fn is_of_a_row(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let code = source.map_or("", |ServerError { code, .. }| code.as_str());
    let class = code.get(..2).unwrap_or_default();
    matches!(class, "22" | "23" | "44" | "P0" | "XX") || error.kind() == StoreErrorKind::Busy
}
