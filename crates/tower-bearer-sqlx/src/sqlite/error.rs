use std::error::Error;

use sqlx::error::DatabaseError;

use tower_bearer::store::{StoreError, StoreErrorKind};

/// The store's error for a statement that failed. The messages of SQLite and sqlx name tables and
/// columns, and never show a value.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    StoreError::with_source(kind(&error), error)
}

pub(super) fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::Database(error) => database_kind(code(&**error)),
        sqlx::Error::Encode(_) => StoreErrorKind::Unstorable,
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const NOT_A_DATABASE: i32 = 26;
const PRIMARY_KEY: i32 = CONSTRAINT | 6 << 8;

/// The kind of an extended result code (<https://www.sqlite.org/rescode.html>).
pub(super) fn database_kind(code: i32) -> StoreErrorKind {
    if code == PRIMARY_KEY {
        return StoreErrorKind::Duplicate;
    }
    match primary(code) {
        BUSY | LOCKED => StoreErrorKind::Busy,
        CORRUPT | NOT_A_DATABASE => StoreErrorKind::Corrupt,
        // A value is too long or of another type, or a constraint or a trigger that somebody has
        // added refuses the row.
        TOO_BIG | CONSTRAINT | MISMATCH => StoreErrorKind::Unstorable,
        // The file is read-only, full or cannot be opened, an I/O error, and all other errors.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether a single row of several can be the reason for a failure: a page is damaged, or the
/// row is one that the database can never keep. Nothing was written then.
pub(super) fn is_of_a_row(error: &StoreError) -> bool {
    match cause(error) {
        Some(sqlx::Error::Database(error)) => matches!(
            primary(code(&**error)),
            CORRUPT | TOO_BIG | CONSTRAINT | MISMATCH
        ),
        _ => false,
    }
}

pub(super) fn cause(error: &impl Error) -> Option<&sqlx::Error> {
    error.source()?.downcast_ref()
}

fn code(error: &dyn DatabaseError) -> i32 {
    let code = error.code().and_then(|code| code.parse().ok());
    code.unwrap_or(0)
}

/// The primary result code, which is the lowest byte.
fn primary(code: i32) -> i32 {
    code & 0xff
}
