use redis::{ErrorKind, RedisError, ServerErrorKind};

use tower_bearer::store::{
    OpenError,
    OpenErrorKind::{Address, Refused, Unreachable, Unsuitable},
    StoreError, StoreErrorKind,
};

/// An answer that the server's scripts do not give.
#[derive(Debug, thiserror::Error)]
#[error("the server gave another answer than its scripts do")]
struct Unexpected;

/// What a failed command means. Its messages name keys and scripts, never a value.
pub(super) fn failed(error: RedisError) -> StoreError {
    StoreError::with_source(kind(&error), error)
}

pub(super) fn unexpected() -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Unexpected)
}

fn kind(error: &RedisError) -> StoreErrorKind {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => StoreErrorKind::Timeout,
        ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
        ErrorKind::Server(ServerErrorKind::TryAgain) => StoreErrorKind::Busy,
        _ => match error.code() {
            Some("WRONGTYPE") => StoreErrorKind::Corrupt,
            // A script of somebody else's runs and runs.
            Some("BUSY") => StoreErrorKind::Busy,
            // OOM, READONLY, LOADING, MASTERDOWN, MISCONF, NOREPLICAS, NOAUTH, NOPERM, a lost
            // connection, and what nobody thought of.
            _ => StoreErrorKind::Unavailable,
        },
    }
}

/// Why a store cannot be opened.
pub(super) fn refused(error: RedisError) -> OpenError {
    let stranger = "its server refuses the user or the password";
    let unfit =
        "its server cannot be used: it is not Redis 7, or does not let the user run scripts";
    let (kind, why) = match error.kind() {
        _ if error.code() == Some("NOAUTH") => (Refused, stranger),
        ErrorKind::Io => (Unreachable, "its server cannot be reached"),
        ErrorKind::InvalidClientConfig => (Address, "its address is no Redis address"),
        ErrorKind::AuthenticationFailed => (Refused, stranger),
        _ => (Unsuitable, unfit),
    };
    OpenError::new(kind, why).with_source(error)
}
