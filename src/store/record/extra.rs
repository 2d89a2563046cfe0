use std::fmt;

use serde_json::{Map, Value};

use crate::{
    json,
    store::{StoreError, StoreErrorKind},
};

#[cfg(feature = "session")]
mod login;

#[cfg(feature = "session")]
pub(crate) use login::Methods;

/// Members that were added to a session, or to its state, after the first version of the contract: a JSON object.
/// This version knows, of a session, `acr` and `amr`, how the user authenticated, `resources`, for which access was granted
/// (RFC 8707), `act`, who acts for the user (RFC 8693), and `cookies`, how long those live, and of a state `seen`, where
/// and by what the session was used last, and `auth`, how the user has authenticated since the login. It keeps all others and does not interpret them.
///
/// While servers are upgraded, two versions of this crate may share a store. What the newer
/// version has added to a session is still there after the older version has refreshed it. Of a session
/// whose `resources`, `act` or `auth` it cannot read, a version makes no tokens.
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
pub struct Extra(
    /// None if it is empty, as it is in most sessions.
    Option<Box<Map<String, Value>>>,
);

impl Extra {
    /// No members.
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Whether the object has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The member of this name.
    #[cfg(feature = "session")]
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// Sets the member of this name, or removes it. All others stay.
    #[cfg(feature = "session")]
    pub(crate) fn set(&mut self, name: &str, value: Option<Value>) {
        let mut members = self.0.take().map(|members| *members).unwrap_or_default();
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
        *self = Self::of(members);
    }

    fn of(members: Map<String, Value>) -> Self {
        Self((!members.is_empty()).then(|| Box::new(members)))
    }

    /// The JSON text of the object, for a store to keep.
    pub fn to_json(&self) -> String {
        let members = self.0.as_deref();
        members.map_or_else(|| "{}".to_owned(), json::text)
    }

    /// Reads the JSON text that a store has kept.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if the text is not a JSON object, has a member twice or is
    /// nested more than about a hundred levels deep.
    pub fn from_json(text: &str) -> Result<Self, StoreError> {
        json::object(text.as_bytes())
            .map(Self::of)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
    }
}

/// Does not show the members: this version cannot know whether they are secret.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extra(…)")
    }
}
