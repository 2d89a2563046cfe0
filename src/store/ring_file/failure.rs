use std::io;

use crate::store::{OpenError, OpenErrorKind, StoreError, StoreErrorKind};

/// Why the file could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("its folder is missing")]
    NoFolder,
    #[error("it is a folder, and not a file")]
    Folder,
    #[error("it or its lock is a symbolic link: name the file that it leads to")]
    Link,
    #[error("it or its lock is no plain file")]
    Special,
    #[error("{0}")]
    Io(&'static str, #[source] io::Error),
    #[error("another process keeps it locked")]
    Locked,
    #[error("it is no file of key rings")]
    Foreign,
    #[error("it was written by a newer version of this crate")]
    Newer,
    #[error("it is damaged or not whole: put a copy of it back")]
    Damaged,
    #[error("it would have more than 4 MiB, or a name that is empty or too long")]
    Full,
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let kind = match failure {
            Failure::NoFolder
            | Failure::Folder
            | Failure::Link
            | Failure::Special
            | Failure::Io(..) => StoreErrorKind::Unavailable,
            Failure::Locked => StoreErrorKind::Busy,
            Failure::Foreign | Failure::Newer | Failure::Damaged => StoreErrorKind::Corrupt,
            Failure::Full => StoreErrorKind::Unstorable,
        };
        Self::with_source(kind, failure)
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::NoFolder | Failure::Folder | Failure::Link | Failure::Special => {
                OpenErrorKind::Address
            }
            Failure::Io(_, error) if error.kind() == io::ErrorKind::PermissionDenied => {
                OpenErrorKind::Refused
            }
            Failure::Io(_, error) if error.kind() == io::ErrorKind::InvalidInput => {
                OpenErrorKind::Address
            }
            Failure::Io(..) | Failure::Locked => OpenErrorKind::Unreachable,
            Failure::Foreign | Failure::Newer | Failure::Damaged | Failure::Full => {
                OpenErrorKind::Unsuitable
            }
        };
        let why = format!("the file of key rings cannot be used: {failure}");
        match failure {
            Failure::Io(_, error) => Self::new(kind, why).with_source(error),
            _ => Self::new(kind, why),
        }
    }
}
