use std::{borrow::Cow, collections::HashSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

mod literal;

/// A scope with at most this many spaces is compared token by token, without a hash table. The
/// scope of an access token rarely has more.
const FEW: usize = 8;

/// A set of OAuth scope tokens (RFC 6749 §3.3). Case matters, the order does not.
///
/// ```
/// use tower_bearer::Scope;
///
/// // A scope in a `const` is checked at compile time.
/// const WRITE: Scope = Scope::from_static("write");
///
/// let granted: Scope = "read write".parse()?;
/// assert!(granted.contains("read"));
/// assert!(!granted.contains("READ"));
/// assert!(WRITE.is_subset(&granted));
/// # Ok::<_, tower_bearer::claims::ScopeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// The scope without any scope token.
    pub const fn empty() -> Self {
        Self(Cow::Borrowed(""))
    }

    /// Creates a scope from text in the program itself: different scope tokens, separated by one
    /// space each. Use [`str::parse`] for text from elsewhere.
    ///
    /// # Panics
    ///
    /// If the text does not have this form. In a `const` this is a compile-time error.
    ///
    /// ```compile_fail
    /// use tower_bearer::Scope;
    ///
    /// const UNQUOTED: Scope = Scope::from_static("\"read\"");
    /// # let _ = UNQUOTED;
    /// ```
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            literal::is_plain(text.as_bytes()),
            "a scope holds tokens of printable ASCII without quote and backslash, one space \
             between two of them, none twice"
        );
        Self(Cow::Borrowed(text))
    }

    /// Whether the scope has no scope token.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scope tokens, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether the scope contains this scope token.
    pub fn contains(&self, token: &str) -> bool {
        let mut held = self.0.as_bytes().split(|b| *b == b' ');
        !token.is_empty() && held.any(|held| held == token.as_bytes())
    }

    /// Whether `other` contains every scope token of this scope.
    pub fn is_subset(&self, other: &Self) -> bool {
        if self.has_few() {
            return self.iter().all(|token| other.contains(token));
        }
        let held: HashSet<&str> = other.iter().collect();
        self.iter().all(|token| held.contains(token))
    }

    /// Adds the scope tokens of `other`.
    #[must_use]
    pub fn union(self, other: &Self) -> Self {
        let mut seen = HashSet::new();
        let tokens = self.iter().chain(other.iter());
        let tokens: Vec<&str> = tokens.filter(|token| seen.insert(*token)).collect();
        Self(tokens.join(" ").into())
    }

    /// The scope tokens of this scope that `other` contains too.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let held: HashSet<&str> = other.iter().collect();
        let tokens: Vec<&str> = self.iter().filter(|token| held.contains(token)).collect();
        Self(tokens.join(" ").into())
    }

    fn read(text: String) -> Result<Self, ScopeError> {
        if !text.bytes().all(|b| b == b' ' || literal::is_allowed(b)) {
            return Err(ScopeError(()));
        }
        let scope = Self(text.into());
        let is_plain = scope.has_few() && literal::is_plain(scope.0.as_bytes());
        Ok(if is_plain {
            scope
        } else {
            Self::empty().union(&scope)
        })
    }

    /// Whether comparing the scope tokens one by one is cheaper than building a hash table of them.
    fn has_few(&self) -> bool {
        self.0.bytes().filter(|b| *b == b' ').nth(FEW).is_none()
    }

    /// The space-separated form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.is_subset(other) && other.is_subset(self)
    }
}

impl Eq for Scope {}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    /// Reads space-separated scope tokens. Extra spaces and duplicate tokens are ignored.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] if the text has a character that RFC 6749 §3.3 does not allow in a scope
    /// token.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::read(text.into())
    }
}

/// The same as [`str::parse`].
impl TryFrom<&str> for Scope {
    type Error = ScopeError;

    fn try_from(text: &str) -> Result<Self, ScopeError> {
        Self::read(text.into())
    }
}

/// The same as [`str::parse`].
impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::read(text)
    }
}

/// The error for text that is not a scope: a scope token may contain printable ASCII except space,
/// quote and backslash (RFC 6749 §3.3).
///
/// The error does not contain the text, which may have come with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope token may hold printable ASCII except space, quote and backslash")]
pub struct ScopeError(());

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anyone can send a body of 16 KiB with five thousand scope tokens.
    #[test]
    fn a_scope_of_many_tokens_is_read_in_no_time() {
        let text: Vec<String> = (0..200_000).map(|token| token.to_string()).collect();
        let scope: Scope = text.join(" ").parse().unwrap();
        assert!(scope.is_subset(&scope));
        assert_eq!(scope.iter().count(), 200_000);
    }

    #[test]
    fn a_scope_is_a_set() {
        let scope: Scope = " b a  b ".parse().unwrap();
        assert_eq!(scope.as_str(), "b a");
        assert_eq!(scope, "a b".parse().unwrap());
        let other = "c a".parse().unwrap();
        assert_eq!(scope.intersection(&other).as_str(), "a");
        assert_eq!(scope.union(&other).as_str(), "b a c");
    }

    #[test]
    fn a_literal_is_a_scope_as_it_stands() {
        const LITERAL: Scope = Scope::from_static("read write https://api.example/all");
        let parsed: Scope = LITERAL.as_str().parse().unwrap();
        assert_eq!(parsed.as_str(), LITERAL.as_str());
        assert_eq!(
            Scope::try_from("write read").unwrap().union(&LITERAL),
            LITERAL
        );
        assert_eq!(Scope::from_static(""), Scope::empty());
        for text in [
            " ", " a", "a ", "a  b", "a b a", "a\tb", "a\"", "a\\", "ä", "a\n",
        ] {
            assert!(!literal::is_plain(text.as_bytes()), "{text:?}");
        }
        for text in ["a", "a ab b", "ab a", "!#[]~"] {
            assert!(literal::is_plain(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_scope_is_told_without_it() {
        for text in ["a\"b", "größe", "a\nb"] {
            let error = Scope::try_from(text.to_owned()).unwrap_err();
            assert_eq!(Err(&error), text.parse::<Scope>().as_ref());
            assert!(!format!("{error} {error:?}").contains(text));
        }
    }

    #[test]
    fn however_many_tokens_there_are_it_is_a_set() {
        for count in 0..20 {
            let tokens: Vec<String> = (0..count).map(|token| format!("t{token}")).collect();
            let text = tokens.join(" ");
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.as_str(), text);
            let twice: Scope = format!("{text}  {text} ").parse().unwrap();
            assert_eq!(twice.as_str(), text);
            let more: Scope = format!("{text} more").parse().unwrap();
            assert!(scope.is_subset(&more) && !more.is_subset(&scope), "{text}");
        }
    }
}
