use std::fmt;

use serde_json::{Map, Value};

use crate::{
    json,
    store::{StoreError, StoreErrorKind},
};

#[cfg(feature = "session")]
const ACR: &str = "acr";
#[cfg(feature = "session")]
const RESOURCES: &str = "resources";

/// Members that were added to a session after the first version of the contract: a JSON object. This
/// version knows `acr`, how the user authenticated, and `resources`, for which access was granted
/// (RFC 8707). It keeps all others and does not interpret them.
///
/// While servers are upgraded, two versions of this crate may share a store. What the newer
/// version has added to a session is still there after the older version has refreshed it. Of a session
/// whose `resources` it cannot read, a version makes no tokens.
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
    /// Whether the object has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How the user authenticated (`acr`).
    #[cfg(feature = "session")]
    pub(crate) fn acr(&self) -> Option<&str> {
        self.0.get(ACR)?.as_str()
    }

    /// The resources to which access was granted, or none if the login told none.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if they are written in another way. A token must not be for more because
    /// it cannot be read what it is for.
    #[cfg(feature = "session")]
    pub(crate) fn resources(&self) -> Result<Vec<&str>, StoreError> {
        let Some(kept) = self.0.get(RESOURCES) else {
            return Ok(Vec::new());
        };
        let texts = kept.as_array().filter(|kept| !kept.is_empty());
        let texts = texts.and_then(|kept| kept.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt))
    }

    /// What a login adds. What it does not have is left out.
    #[cfg(feature = "session")]
    pub(crate) fn of_login(acr: Option<String>, resources: Vec<String>) -> Self {
        let acr = acr.map(|acr| (ACR.to_owned(), acr.into()));
        let resources = Some(resources).filter(|resources| !resources.is_empty());
        let resources = resources.map(|resources| (RESOURCES.to_owned(), resources.into()));
        Self(acr.into_iter().chain(resources).collect())
    }

    /// The JSON text of the object, for a store to keep.
    pub fn to_json(&self) -> String {
        json::text(&self.0)
    }

    /// Reads the JSON text that a store has kept.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if the text is not a JSON object, has a member twice or is
    /// nested more than about a hundred levels deep.
    pub fn from_json(text: &str) -> Result<Self, StoreError> {
        json::object(text.as_bytes())
            .map(Self)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
    }
}

/// Does not show the members: this version cannot know whether they are secret.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extra(…)")
    }
}
