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
        sqlx::Error::Database(error) => database_kind(&**error),
        sqlx::Error::Encode(_) => StoreErrorKind::Unstorable,
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

/// The kind of an SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn database_kind(error: &dyn DatabaseError) -> StoreErrorKind {
    let code = error.code().unwrap_or_default();
    let is_key = |name: &str| name.ends_with("_pkey");
    match code.as_ref() {
        "23505" if error.constraint().is_some_and(is_key) => StoreErrorKind::Duplicate,
        // A serialization failure, a deadlock or a lock timeout.
        "40001" | "40P01" | "55P03" => StoreErrorKind::Busy,
        // The statement timed out or was cancelled by an administrator, or the transaction timed
        // out.
        "57014" | "25P03" | "25P04" => StoreErrorKind::Timeout,
        _ if code.starts_with("XX00") && code != "XX000" => StoreErrorKind::Corrupt,
        _ if is_refusal(&code) => StoreErrorKind::Unstorable,
        // The server is read-only, shut down, starting up or full, a right is missing, and all
        // other errors.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether the server refuses the row, and would refuse it again. A value is too long for an index
/// or the row for a page, a value is outside of its type or cannot be said in the encoding of the
/// database, or a constraint, a view or a trigger that somebody has added does not let it pass.
fn is_refusal(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    code == "54000" || matches!(class, "22" | "23" | "44" | "P0")
}

/// Whether the connection can be used again. It can only if the server refused the row, or refused
/// the statement for a temporary reason. After other errors a new connection is made, perhaps to
/// another server.
pub(super) fn spares_connection(error: &sqlx::Error) -> bool {
    let passes = matches!(
        kind(error),
        StoreErrorKind::Busy | StoreErrorKind::Duplicate | StoreErrorKind::Unstorable
    );
    let is_canceled = |error: &dyn DatabaseError| error.code().as_deref() == Some("57014");
    match error {
        sqlx::Error::Database(error) => passes || is_canceled(&**error),
        _ => false,
    }
}

/// Whether a single row of several can be the reason for a failure: the server refuses it, another
/// transaction is in conflict, or a page is damaged. The server has then undone the whole statement.
pub(super) fn is_of_a_row(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let code = source.map_or("", |ServerError { code, .. }| code.as_str());
    let refused = matches!(
        error.kind(),
        StoreErrorKind::Busy | StoreErrorKind::Duplicate | StoreErrorKind::Unstorable
    );
    refused || code.starts_with("XX")
}
