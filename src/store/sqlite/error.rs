use sqlx::error::{DatabaseError, ErrorKind};

use crate::store::{StoreError, StoreErrorKind};

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

/// By the primary result code, the lowest byte (<https://www.sqlite.org/rescode.html>).
fn database_kind(error: &dyn DatabaseError) -> StoreErrorKind {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const CORRUPT: i32 = 11;
    const NOT_A_DATABASE: i32 = 26;

    if error.kind() == ErrorKind::UniqueViolation {
        return StoreErrorKind::Duplicate;
    }
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    match code & 0xff {
        BUSY | LOCKED => StoreErrorKind::Busy,
        CORRUPT | NOT_A_DATABASE => StoreErrorKind::Corrupt,
        // Read-only, full, cannot be opened, I/O, and what nobody thought of.
        _ => StoreErrorKind::Unavailable,
    }
}
