use std::{borrow::Cow, collections::HashSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// Scopes of so many tokens are compared without a table: a token of a request has no more, as
/// a rule.
const FEW: usize = 8;

/// A set of OAuth scope tokens (RFC 6749 §3.3). Case-sensitive; the order does not matter.
///
/// ```
/// use tower_bearer::Scope;
///
/// let granted: Scope = "read write".parse()?;
/// assert!(granted.contains("read"));
/// assert!(!granted.contains("READ"));
/// assert!("write".parse::<Scope>()?.is_subset(&granted));
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// No scope at all.
    pub const fn empty() -> Self {
        Self(Cow::Borrowed(""))
    }

    /// A scope that the program itself names: scope tokens with one space between two of them. In
    /// a `const`, text that is no scope is an error when the program is compiled.
    ///
    /// # Panics
    ///
    /// Outside of a `const`, where the text is no scope.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        let mut rest = text.as_bytes();
        let mut before = b' ';
        while let [first, others @ ..] = rest {
            assert!(
                is_allowed(*first),
                "a scope has a character that it may not have"
            );
            assert!(
                *first != b' ' || before != b' ',
                "a scope has a space too many"
            );
            (before, rest) = (*first, others);
        }
        assert!(
            before != b' ' || text.is_empty(),
            "a scope ends with a space"
        );
        Self(Cow::Borrowed(text))
    }

    /// Whether there is no scope token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scope tokens, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether the scope token is in it.
    pub fn contains(&self, token: &str) -> bool {
        let mut held = self.0.as_bytes().split(|b| *b == b' ');
        !token.is_empty() && held.any(|held| held == token.as_bytes())
    }

    /// Whether each of its scope tokens is in `other` too.
    pub fn is_subset(&self, other: &Self) -> bool {
        if self.has_few() {
            return self.iter().all(|token| other.contains(token));
        }
        let held: HashSet<&str> = other.iter().collect();
        self.iter().all(|token| held.contains(token))
    }

    /// Adds the scope tokens of `other` that it lacks.
    #[must_use]
    pub fn union(self, other: &Self) -> Self {
        let mut seen = HashSet::new();
        let tokens = self.iter().chain(other.iter());
        let tokens: Vec<&str> = tokens.filter(|token| seen.insert(*token)).collect();
        Self(tokens.join(" ").into())
    }

    /// Whether looking for each scope token in turn is cheaper than a table of them.
    fn has_few(&self) -> bool {
        self.0.bytes().filter(|b| *b == b' ').nth(FEW).is_none()
    }

    /// Whether `text` is what [`union`](Self::union) would make of it, told without a table.
    fn is_plain(text: &str) -> bool {
        let tokens = || text.as_bytes().split(|b| *b == b' ').enumerate();
        let is_new = |(at, token)| tokens().take(at).all(|(_, earlier)| earlier != token);
        let has_few = tokens().nth(FEW).is_none();
        text.is_empty() || has_few && tokens().all(|token| !token.1.is_empty() && is_new(token))
    }

    /// The space-separated form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Space, and what a scope token may hold (RFC 6749 §3.3).
const fn is_allowed(b: u8) -> bool {
    matches!(b, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
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
    type Err = ConfigError;

    /// Reads space-separated scope tokens.
    ///
    /// # Errors
    ///
    /// On a character that RFC 6749 §3.3 does not allow in a scope token.
    fn from_str(s: &str) -> Result<Self, ConfigError> {
        if !s.bytes().all(is_allowed) {
            return Err(ConfigError::new(crate::error::ConfigErrorKind::Scope));
        }
        let scope = Self(s.to_owned().into());
        if Self::is_plain(s) {
            Ok(scope)
        } else {
            Ok(Self::empty().union(&scope))
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of 16 KiB may hold five thousand of them, from anyone.
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
        assert_eq!(scope.union(&"c a".parse().unwrap()).as_str(), "b a c");
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
