//! A key ring as a row has it, for all SQL stores.

use tower_bearer::store::{SealedRing, StoreError, StoreErrorKind};

/// A row has a value that it cannot have.
#[derive(Debug, thiserror::Error)]
#[error("the row of a key ring holds a value that cannot be read")]
struct Unreadable;

/// Reads the columns `version` and `document`.
pub(crate) fn read(version: i64, document: Vec<u8>) -> Result<SealedRing, StoreError> {
    let unreadable = || StoreError::with_source(StoreErrorKind::Corrupt, Unreadable);
    let version = u64::try_from(version).map_err(|_| unreadable())?;
    SealedRing::new(version, document).map_err(|_| unreadable())
}

/// The version of a ring, as its column has it. No ring has one that a column cannot hold.
pub(crate) fn version(ring: &SealedRing) -> i64 {
    i64::try_from(ring.version()).unwrap_or(i64::MAX)
}
