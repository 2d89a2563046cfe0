//! The application's own parameters of a challenge (RFC 9110 §11.2).

use std::{fmt, sync::Arc};

use http::HeaderMap;

use super::challenge::Rejection;
use crate::error::{ConfigError, ConfigErrorKind};

/// The parameters that the layer writes itself.
const OWN: [&str; 8] = [
    "realm",
    "error",
    "error_description",
    "scope",
    "algs",
    "acr_values",
    "max_age",
    "resource_metadata",
];

/// Parameters that an application adds to a challenge (RFC 9110 §11.2), such as `error_uri` or one of its
/// own. What the layer says itself cannot be said again.
///
/// ```
/// use tower_bearer::bearer::ChallengeParameters;
///
/// let page = ChallengeParameters::new().with("error_uri", "https://api.example/errors#scope")?;
/// assert_eq!(page.as_str(), r#"error_uri="https://api.example/errors#scope""#);
///
/// // They stay within their quotes, and a name is a name.
/// let quoted = ChallengeParameters::new().with("note", r#"a "b""#)?;
/// assert_eq!(quoted.as_str(), r#"note="a \"b\"""#);
/// assert!(ChallengeParameters::new().with("a b", "c").is_err());
/// assert!(ChallengeParameters::new().with("Realm", "mine").is_err());
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChallengeParameters {
    text: String,
    names: Vec<String>,
}

impl ChallengeParameters {
    /// No parameters.
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            names: Vec::new(),
        }
    }

    /// Adds a parameter. The value is written as a quoted string, in which quotes and backslashes are
    /// escaped.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::ChallengeParameter`] if the name is no token (RFC 9110 §5.6.2), is there
    /// already, or is one of the parameters that the layer writes itself, in any case: `realm`, `error`,
    /// `error_description`, `scope`, `algs`, `acr_values`, `max_age` and `resource_metadata`. Also if the
    /// value has anything but printable ASCII.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, ConfigError> {
        let wrong = |what| Err(ConfigError::new(ConfigErrorKind::ChallengeParameter, what));
        let is = |other: &str| other.eq_ignore_ascii_case(name);
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return wrong("the name of a challenge's parameter is a token (RFC 9110 §5.6.2)");
        }
        if OWN.into_iter().any(is) || self.names.iter().any(|other| is(other)) {
            return wrong("the challenge has a parameter of this name already");
        }
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return wrong("the value of a challenge's parameter holds printable ASCII");
        }
        if !self.text.is_empty() {
            self.text.push_str(", ");
        }
        self.text.push_str(name);
        self.text.push_str("=\"");
        for char in value.chars() {
            if matches!(char, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(char);
        }
        self.text.push('"');
        self.names.push(name.to_owned());
        Ok(self)
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The parameters as they stand in the header.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether a token may contain the byte (RFC 9110 §5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

type ParametersFn = dyn Fn(&Rejection, &HeaderMap) -> ChallengeParameters + Send + Sync;

/// The application's function that gives the parameters.
#[derive(Clone)]
pub(super) struct ParametersHook(pub(super) Arc<ParametersFn>);

impl fmt::Debug for ParametersHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParametersHook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<ChallengeParameters, ConfigError> {
        ChallengeParameters::new().with(name, value)
    }

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let made = with("a", r#"", error="x\"#).unwrap();
        assert_eq!(made.as_str(), r#"a="\", error=\"x\\""#);
        for value in ["a\r\nSet-Cookie: b", "a\tb", "\u{7f}", "é", "\0"] {
            let kind = with("a", value).unwrap_err().kind();
            assert_eq!(kind, ConfigErrorKind::ChallengeParameter, "{value:?}");
        }
    }

    #[test]
    fn a_name_is_a_token_and_stands_there_once() {
        for name in ["", "a b", "a=", "a,", "\"a\"", "a/b", "é", "a\n"] {
            assert!(with(name, "").is_err(), "{name:?}");
        }
        for name in OWN {
            assert!(with(name, "").is_err() && with(&name.to_uppercase(), "").is_err());
        }
        let two = with("a", "1").unwrap().with("b", "2").unwrap();
        assert_eq!(two.as_str(), r#"a="1", b="2""#);
        assert!(two.with("A", "3").is_err());
    }
}
