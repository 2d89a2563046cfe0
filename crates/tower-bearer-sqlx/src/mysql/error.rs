use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError};

use tower_bearer::store::{StoreError, StoreErrorKind};

/// Why a call has failed.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(sqlx::Error),
    /// The server is read-only, so its data may be out of date.
    ReadOnly,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    /// Whether the server has undone the whole transaction because of another one. To do it again is then
    /// no different from having come later.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Sql(error) if matches!(number(error), Some(CONFLICT | CHANGED)))
    }

    /// Whether the connection can be used again. It can only if the server refused the row, or refused
    /// the statement for a temporary reason. After other errors a new connection is made, perhaps to
    /// another server.
    pub(super) fn spares_connection(&self) -> bool {
        let passes = |kind| {
            matches!(
                kind,
                StoreErrorKind::Busy | StoreErrorKind::Duplicate | StoreErrorKind::Unstorable
            )
        };
        matches!(self, Self::Sql(error @ sqlx::Error::Database(_)) if passes(kind(error)))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) => failed(error),
            Failure::ReadOnly => Self::with_source(StoreErrorKind::Unavailable, ReadOnly),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the server is read-only: it is a replica, or not the primary any more")]
struct ReadOnly;

/// The server's error. Its message is left out where it can hold a part of a row.
#[derive(Debug, thiserror::Error)]
enum ServerError {
    #[error("{message} (error {number}, SQLSTATE {state})")]
    Told {
        number: u16,
        state: String,
        message: String,
    },
    #[error("the server refuses the row (error {number}, SQLSTATE {state})")]
    OfARow { number: u16, state: String },
}

/// A deadlock, or in Galera a write of another node to the same row.
const CONFLICT: u16 = 1213;
/// With `innodb_snapshot_isolation`, a row that has changed since it was read.
const CHANGED: u16 = 1020;

/// The store's error for a statement that failed.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    let kind = kind(&error);
    match error {
        sqlx::Error::Database(error) => StoreError::with_source(kind, told(&*error, kind)),
        error => StoreError::with_source(kind, error),
    }
}

fn told(error: &dyn DatabaseError, kind: StoreErrorKind) -> ServerError {
    let number = server_number(error);
    let state = error.code().unwrap_or_default().into_owned();
    match kind {
        StoreErrorKind::Duplicate | StoreErrorKind::Unstorable => {
            ServerError::OfARow { number, state }
        }
        _ => ServerError::Told {
            number,
            state,
            message: error.message().to_owned(),
        },
    }
}

/// The server's number of the error.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    match error {
        sqlx::Error::Database(error) => Some(server_number(&**error)),
        _ => None,
    }
}

fn server_number(error: &dyn DatabaseError) -> u16 {
    error
        .try_downcast_ref::<MySqlDatabaseError>()
        .map_or(0, MySqlDatabaseError::number)
}

pub(super) fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::PoolTimedOut => StoreErrorKind::Timeout,
        sqlx::Error::Database(error) => database_kind(&**error),
        sqlx::Error::Encode(_) => StoreErrorKind::Unstorable,
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

/// The kind of an error by its number, which says more than its SQLSTATE
/// (<https://mariadb.com/docs/server/reference/error-codes>).
fn database_kind(error: &dyn DatabaseError) -> StoreErrorKind {
    // MariaDB says `for key 'PRIMARY'`, MySQL `for key 'table.PRIMARY'`.
    let is_key = || error.message().ends_with("PRIMARY'");
    match server_number(error) {
        1062 if is_key() => StoreErrorKind::Duplicate,
        // A lock timeout, or in Galera a wait for the writes of other nodes that took too long.
        CONFLICT | CHANGED | 1205 => StoreErrorKind::Busy,
        // The statement took too long (MariaDB, MySQL), or an administrator has ended it.
        1969 | 3024 | 1317 => StoreErrorKind::Timeout,
        // A table or an index is damaged.
        1034 | 1035 | 1194 | 1195 | 1712 | 1877 => StoreErrorKind::Corrupt,
        // A row that is too long for a page, and a column without a default that somebody has added.
        1118 | 1364 | 1366 => StoreErrorKind::Unstorable,
        _ if is_refusal(&error.code().unwrap_or_default()) => StoreErrorKind::Unstorable,
        // The server is read-only, shut down, starting up, full or not in its cluster, a right is missing,
        // and all other errors.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether the server refuses the row, and would refuse it again. A value is too long or outside of its
/// type, or a constraint, a view or a trigger that somebody has added does not let it pass.
fn is_refusal(state: &str) -> bool {
    let class = state.get(..2).unwrap_or_default();
    matches!(class, "22" | "23" | "44" | "45")
}
