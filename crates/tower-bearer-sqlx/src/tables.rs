//! Which tables a database has, for all SQL stores.

use tower_bearer::store::{OpenError, OpenErrorKind};

/// The version of the tables.
pub(crate) const SCHEMA: i64 = 6;
/// The version that had no table of key rings. Earlier ones were never released.
const WITHOUT_RINGS: i64 = 5;

/// The tables of a database in which a store was opened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// All of them.
    Current,
    /// Those of sessions. The one of key rings is to be added.
    WithoutRings,
}

impl Tables {
    /// The tables of this version.
    pub(crate) fn of_version(version: Option<i64>) -> Result<Self, OpenError> {
        match version {
            Some(SCHEMA) => Ok(Self::Current),
            Some(WITHOUT_RINGS) => Ok(Self::WithoutRings),
            _ => Err(OpenError::new(
                OpenErrorKind::Unsuitable,
                "its tables are of another version of this crate",
            )),
        }
    }
}
