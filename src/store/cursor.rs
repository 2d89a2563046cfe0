use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{StoreError, StoreErrorKind};
use crate::claims::SessionId;

/// A place in the list of all sessions ([`SessionStore::list_all`](super::SessionStore::list_all)): a text that
/// only the store understands which gave it.
///
/// It has 1 to 512 characters, which need no escape in a URL: letters and digits of ASCII, `-`, `.`, `_` and `~`
/// (RFC 3986 §2.3). It is no secret, but it may name a session.
///
/// ```
/// use tower_bearer::store::Cursor;
///
/// let cursor: Cursor = "0192d3a0-0000-7000-8000-000000000001".parse()?;
/// assert_eq!(cursor.as_str(), "0192d3a0-0000-7000-8000-000000000001");
/// assert!("next page".parse::<Cursor>().is_err());
/// # Ok::<_, tower_bearer::store::StoreError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(String);

impl Cursor {
    /// The most characters of a cursor.
    pub const LONGEST: usize = 512;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The session that the cursor names, in a store whose cursors are made [from](Self::from) identifiers.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Cursor`] if it names none.
    pub fn session_id(&self) -> Result<SessionId, StoreError> {
        let id = self.0.parse::<SessionId>().ok();
        // A UUID may be written in several ways.
        let id = id.filter(|id| id.to_string() == self.0);
        id.ok_or_else(|| StoreErrorKind::Cursor.into())
    }
}

/// A cursor that names a session.
impl From<SessionId> for Cursor {
    fn from(id: SessionId) -> Self {
        Self(id.to_string())
    }
}

impl TryFrom<String> for Cursor {
    type Error = StoreError;

    /// # Errors
    ///
    /// [`StoreErrorKind::Cursor`] if the text cannot be one.
    fn try_from(text: String) -> Result<Self, StoreError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let fits = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(is_plain);
        match fits {
            true => Ok(Self(text)),
            false => Err(StoreErrorKind::Cursor.into()),
        }
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        text.to_owned().try_into()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_short_text_that_needs_no_escape() {
        let longest = "a".repeat(Cursor::LONGEST);
        for good in ["0", "Az09-._~", longest.as_str()] {
            assert_eq!(good.parse::<Cursor>().unwrap().as_str(), good);
            let json = format!("\"{good}\"");
            let read: Cursor = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
        let too_long = "a".repeat(Cursor::LONGEST + 1);
        for bad in ["", " ", "a b", "a/b", "a%20", "é", "\0", too_long.as_str()] {
            let error = bad.parse::<Cursor>().unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Cursor, "{bad:?}");
            assert!(serde_json::from_value::<Cursor>(bad.into()).is_err());
        }
    }

    #[test]
    fn only_the_usual_form_of_an_identifier_names_a_session() {
        let id: SessionId = "0192d3a0-0000-7000-8000-00000000000a".parse().unwrap();
        assert_eq!(Cursor::from(id).session_id().unwrap(), id);
        for other in [
            "0192D3A0-0000-7000-8000-00000000000A",
            "0192d3a00000700080000000000000a",
            "0192d3a000007000800000000000000a",
            "x",
        ] {
            let error = other.parse::<Cursor>().unwrap().session_id().unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Cursor, "{other}");
        }
    }
}
