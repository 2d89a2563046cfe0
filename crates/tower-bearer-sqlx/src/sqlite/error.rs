use std::error::Error as _;

use sqlx::error::{DatabaseError, ErrorKind};

use tower_bearer::store::{StoreError, StoreErrorKind};

/// What a failed statement means. The messages of SQLite and sqlx name tables and columns, never
/// a value.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    StoreError::with_source(kind(&error), error)
}

pub(super) fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::Database(error) => database_kind(&**error),
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const CONSTRAINT: i32 = 19;
const NOT_A_DATABASE: i32 = 26;

fn database_kind(error: &dyn DatabaseError) -> StoreErrorKind {
    if error.kind() == ErrorKind::UniqueViolation {
        return StoreErrorKind::Duplicate;
    }
    match code(error) {
        BUSY | LOCKED => StoreErrorKind::Busy,
        CORRUPT | NOT_A_DATABASE => StoreErrorKind::Corrupt,
        // Read-only, full, cannot be opened, I/O, and what nobody thought of.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether one row of several can be the reason for a failure: a page that is damaged, a check or
/// a trigger that somebody has added. Nothing has been written then.
pub(super) fn is_of_a_row(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    match source {
        Some(sqlx::Error::Database(error)) => matches!(code(&**error), CORRUPT | CONSTRAINT),
        _ => false,
    }
}

/// The primary result code, the lowest byte (<https://www.sqlite.org/rescode.html>).
fn code(error: &dyn DatabaseError) -> i32 {
    let code: Option<i32> = error.code().and_then(|code| code.parse().ok());
    code.unwrap_or(0) & 0xff
}
