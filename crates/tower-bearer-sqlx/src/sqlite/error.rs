use std::error::Error as _;

use sqlx::error::{DatabaseError, ErrorKind};

use tower_bearer::store::{StoreError, StoreErrorKind};

/// The store's error for a statement that failed. The messages of SQLite and sqlx name tables and
/// columns, and never show a value.
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
        // The file is read-only, full or cannot be opened, an I/O error, and all other errors.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether a single row of several can be the reason for a failure: a page is damaged, or a check
/// or a trigger that somebody has added refuses the data. Nothing was written then.
pub(super) fn is_of_a_row(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    match source {
        Some(sqlx::Error::Database(error)) => matches!(code(&**error), CORRUPT | CONSTRAINT),
        _ => false,
    }
}

/// The primary result code of SQLite, which is the lowest byte
/// (<https://www.sqlite.org/rescode.html>).
fn code(error: &dyn DatabaseError) -> i32 {
    let code: Option<i32> = error.code().and_then(|code| code.parse().ok());
    code.unwrap_or(0) & 0xff
}
