use std::fmt;

use serde_json::{Map, Value};

use crate::{
    json,
    store::{StoreError, StoreErrorKind},
};

/// What a newer version of this crate notes at login: a JSON object that this version carries
/// along and does not look into.
///
/// Servers of two versions may share a store while one replaces the other. What the newer one
/// has noted is still there after the older one has refreshed the session.
///
/// ```
/// use tower_bearer::store::Extra;
///
/// let extra = Extra::from_json(r#"{"later":1}"#)?;
/// assert_eq!(extra.to_json(), r#"{"later":1}"#);
/// assert!(Extra::default().is_empty());
/// assert!(Extra::from_json("[]").is_err());
/// # Ok::<_, tower_bearer::store::StoreError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Extra(Map<String, Value>);

impl Extra {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON text, for a store to keep.
    pub fn to_json(&self) -> String {
        json::text(&self.0)
    }

    /// Reads the JSON text that a store has kept.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] where it is no JSON object, has a member twice or is nested
    /// more than about a hundred deep.
    pub fn from_json(text: &str) -> Result<Self, StoreError> {
        json::object(text.as_bytes())
            .map(Self)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
    }
}

/// Without what is in it, which this version cannot judge.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extra(…)")
    }
}
