use std::{fmt, str::FromStr};

use crate::{
    claims::Scope,
    error::{ConfigError, ConfigErrorKind},
};

/// Authentication context classes, of which a token must have one: names for how the user has proved who
/// they are, such as with a password or with a second factor (OpenID Connect Core §2, RFC 9470 §3).
///
/// They are separated by spaces, the preferred one first, and compared byte for byte. What they are called
/// is agreed with the authorization server.
///
/// ```
/// use tower_bearer::bearer::AcrValues;
///
/// // Checked when the program is compiled …
/// const PHISHING_RESISTANT: AcrValues = AcrValues::from_static("phrh phr");
///
/// // … or when it reads its configuration.
/// let from_setting: AcrValues = "urn:example:gold".parse()?;
/// assert!(PHISHING_RESISTANT.contains("phr") && !from_setting.contains("phr"));
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcrValues(Scope); // The same grammar, in which the order is kept.

impl AcrValues {
    /// Creates the values from text in the program itself: different names, separated by one space each.
    /// Use [`str::parse`] for text from elsewhere.
    ///
    /// # Panics
    ///
    /// If the text does not have this form, or has a character other than printable ASCII without quote
    /// and backslash. In a `const` this is a compile-time error.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Scope::from_static(text))
    }

    /// Whether the class is one of these.
    pub fn contains(&self, class: &str) -> bool {
        self.0.contains(class)
    }

    /// The classes, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter()
    }

    /// Whether there is none, so that no token has one of them.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form of the parameter `acr_values`: separated by spaces.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Those that are in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }
}

impl FromStr for AcrValues {
    type Err = ConfigError;

    /// Reads names that are separated by spaces. Extra spaces and duplicate names are ignored.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::AcrValues`] if the text has a character other than printable ASCII without
    /// quote and backslash.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        const FORM: &str = "an authentication context class may hold printable ASCII except space, quote and backslash";
        let values = text.parse().map(Self);
        values.map_err(|_| ConfigError::new(ConfigErrorKind::AcrValues, FORM))
    }
}

impl fmt::Display for AcrValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
