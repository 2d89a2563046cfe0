use std::io;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use tower_bearer::store::{
    OpenError,
    OpenErrorKind::{Address, Refused, Unreachable, Unsuitable},
    StoreError, StoreErrorKind,
};

/// What the server or the driver says of a failure. The server's own words are left out: they may
/// show a document.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the server answered with error {code} ({name})")]
    Code { code: i32, name: String },
    #[error("the write did not reach enough servers: error {code} ({name})")]
    Concern { code: i32, name: String },
    #[error("{0}")]
    Connection(String),
    #[error("{0}")]
    Other(&'static str),
}

/// The server gave an answer that none of its commands gives.
#[derive(Debug, thiserror::Error)]
#[error("the server's answer cannot be read")]
struct Unexpected;

/// The store's error for a call that failed.
pub(crate) fn failed(error: &Error) -> StoreError {
    let (kind, failure) = examine(error);
    StoreError::with_source(kind, failure)
}

/// The store's error for one of several writes that went together.
pub(crate) fn failed_by_code(code: i32) -> StoreError {
    let name = String::new();
    StoreError::with_source(kind_of_code(code), Failure::Code { code, name })
}

/// The store's error for a write that did not reach enough servers.
pub(crate) fn failed_concern(code: i32) -> StoreError {
    let name = String::new();
    StoreError::with_source(kind_of_concern(code), Failure::Concern { code, name })
}

pub(crate) fn unexpected() -> StoreError {
    StoreError::with_source(StoreErrorKind::Unavailable, Unexpected)
}

fn examine(error: &Error) -> (StoreErrorKind, Failure) {
    match error.kind.as_ref() {
        ErrorKind::Command(failed) => {
            let (code, name) = (failed.code, failed.code_name.clone());
            (kind_of_code(code), Failure::Code { code, name })
        }
        ErrorKind::Write(WriteFailure::WriteError(failed)) => {
            let (code, name) = (failed.code, failed.code_name.clone().unwrap_or_default());
            (kind_of_code(code), Failure::Code { code, name })
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(failed)) => {
            let (code, name) = (failed.code, failed.code_name.clone());
            (kind_of_concern(code), Failure::Concern { code, name })
        }
        ErrorKind::Io(failed) => {
            let kind = match failed.kind() {
                io::ErrorKind::TimedOut => StoreErrorKind::Timeout,
                _ => StoreErrorKind::Unavailable,
            };
            (kind, Failure::Connection(failed.to_string()))
        }
        ErrorKind::ServerSelection { message, .. } => {
            let failure = Failure::Connection(message.clone());
            (StoreErrorKind::Unavailable, failure)
        }
        ErrorKind::BsonDeserialization(_) => {
            let failure = Failure::Other("a document is not BSON");
            (StoreErrorKind::Corrupt, failure)
        }
        _ => (StoreErrorKind::Unavailable, Failure::Other(other(error))),
    }
}

/// What fails without a code. The driver's words may have the server's in them.
fn other(error: &Error) -> &'static str {
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } => "the driver refuses an argument",
        ErrorKind::Authentication { .. } => "the server refuses the user or the password",
        ErrorKind::DnsResolve { .. } => "the address is not found in the DNS",
        ErrorKind::ConnectionPoolCleared { .. } => "the connection was given up with others",
        ErrorKind::InvalidResponse { .. } => "the server's answer cannot be read",
        ErrorKind::InvalidTlsConfig { .. } => "TLS cannot be used as it is set up",
        ErrorKind::IncompatibleServer { .. } => "the server's version is not supported",
        ErrorKind::Shutdown => "the client is shut down",
        _ => "the driver failed",
    }
}

fn kind_of_code(code: i32) -> StoreErrorKind {
    match code {
        // DuplicateKey. Only the identifier of a session is unique.
        11000 => StoreErrorKind::Duplicate,
        // MaxTimeMSExpired, ExceededTimeLimit, NetworkInterfaceExceededTimeLimit.
        50 | 262 | 202 => StoreErrorKind::Timeout,
        // LockTimeout, LockBusy, LockFailed, WriteConflict.
        24 | 46 | 107 | 112 => StoreErrorKind::Busy,
        // BSONObjectTooLarge, and DocumentValidationFailure: a rule of the application's.
        10334 | 121 => StoreErrorKind::Unstorable,
        // TypeMismatch: a field is not of the type that the store writes.
        14 => StoreErrorKind::Corrupt,
        // Not primary, shutting down, no disk space, no right, and all others.
        _ => StoreErrorKind::Unavailable,
    }
}

fn kind_of_concern(code: i32) -> StoreErrorKind {
    match code {
        // WriteConcernTimeout (its code was WriteConcernFailed before it had a name).
        64 => StoreErrorKind::Timeout,
        code => kind_of_code(code),
    }
}

/// The error of opening a store, for a call that failed.
pub(crate) fn refused(error: &Error) -> OpenError {
    let (_, failure) = examine(error);
    let (kind, why) = match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } => (Address, "its address is no MongoDB address"),
        ErrorKind::DnsResolve { .. } => (Address, "its address is not found in the DNS"),
        ErrorKind::InvalidTlsConfig { .. } => (Address, "TLS cannot be used as it is set up"),
        ErrorKind::Authentication { .. } => (Refused, STRANGER),
        ErrorKind::IncompatibleServer { .. } => (Unsuitable, OLD),
        ErrorKind::Io(_) => (Unreachable, "its server cannot be reached"),
        ErrorKind::ServerSelection { message, .. } => match message.contains("wire version") {
            true => (Unsuitable, OLD),
            false => (Unreachable, "no primary of it can be reached"),
        },
        ErrorKind::Command(failed) => refused_by_code(failed.code),
        ErrorKind::Write(WriteFailure::WriteError(failed)) => refused_by_code(failed.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => {
            (Unreachable, "too few of its servers can be reached")
        }
        _ => (Unsuitable, UNFIT),
    };
    OpenError::new(kind, why).with_source(failure)
}

const STRANGER: &str = "its server refuses the user or the password";
const OLD: &str = "its server is older than MongoDB 4.4";
const UNFIT: &str = "its server cannot be used as MongoDB";

fn refused_by_code(code: i32) -> (tower_bearer::store::OpenErrorKind, &'static str) {
    match code {
        // AuthenticationFailed, and what Atlas says.
        18 | 8000 => (Refused, STRANGER),
        // Unauthorized.
        13 => (Refused, "the user lacks a right that the store needs"),
        // NotWritablePrimary and its relatives, and IllegalOperation on a server that is read-only.
        10107 | 13435 | 10058 | 20 => (Unsuitable, "its server takes no writes"),
        // IndexOptionsConflict, IndexKeySpecsConflict.
        85 | 86 => (
            Unsuitable,
            "its collection has an index of the same name or the same fields that is another",
        ),
        // CommandNotFound.
        59 => (Unsuitable, OLD),
        // InvalidNamespace.
        73 => (
            Address,
            "the name of its database or collection cannot be used",
        ),
        // MaxTimeMSExpired, and a server that starts or stops.
        50 | 91 | 189 | 11600 | 11602 | 13436 => (Unreachable, "its server is not ready"),
        _ => (Unsuitable, UNFIT),
    }
}
