//! What a challenge says of the resource itself: the realm (RFC 9110 §11.5) and where its metadata are.

use std::{fmt, str::FromStr, sync::Arc};

use crate::error::{ConfigError, ConfigErrorKind};

const DEFAULT: &str = "api";

/// The `realm` of a challenge, which names what is protected (RFC 9110 §11.5). The default is
/// `api`. A realm is printable ASCII without quote and backslash.
///
/// ```
/// use tower_bearer::bearer::Realm;
///
/// const SHOP: Realm = Realm::from_static("shop");
///
/// assert_eq!(SHOP.as_str(), "shop");
/// assert!("sh\"op".parse::<Realm>().is_err());
/// ```
#[derive(Clone)]
pub struct Realm(Text);

#[derive(Clone)]
enum Text {
    Fixed(&'static str),
    Shared(Arc<str>),
}

impl Realm {
    /// Creates a realm from text in the program itself. Use [`new`](Self::new) for text that is
    /// read at run time.
    ///
    /// # Panics
    ///
    /// If `realm` contains a quote, a backslash or anything that is not printable ASCII. In a
    /// `const` this is a compile-time error.
    pub const fn from_static(realm: &'static str) -> Self {
        assert!(
            is_realm(realm),
            "the realm may hold printable ASCII except quote and backslash"
        );
        Self(Text::Fixed(realm))
    }

    /// Creates a realm from text that is read at run time.
    ///
    /// # Errors
    ///
    /// [`Realm`](ConfigErrorKind::Realm) if `realm` contains a quote, a backslash or anything that
    /// is not printable ASCII.
    pub fn new(realm: &str) -> Result<Self, ConfigError> {
        match is_realm(realm) {
            true => Ok(Self(Text::Shared(realm.into()))),
            false => Err(ConfigError::new(
                ConfigErrorKind::Realm,
                "the realm may hold printable ASCII except quote and backslash",
            )),
        }
    }

    /// The realm's text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Fixed(realm) => realm,
            Text::Shared(realm) => realm,
        }
    }
}

/// Whether a quoted string can contain the text without escapes (RFC 9110 §5.6.4).
const fn is_realm(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        if !matches!(*first, b' '..=b'~') || matches!(*first, b'"' | b'\\') {
            return false;
        }
        rest = others;
    }
    true
}

impl Default for Realm {
    /// The realm `api`.
    fn default() -> Self {
        const { Self::from_static(DEFAULT) }
    }
}

impl FromStr for Realm {
    type Err = ConfigError;

    fn from_str(realm: &str) -> Result<Self, ConfigError> {
        Self::new(realm)
    }
}

/// What is protected, as each challenge names it (RFC 9110 §11.5).
///
/// Each request that passes clones it. A realm from the program itself has no reference count, which
/// all cores would have to update, and everything else has one.
#[derive(Clone)]
pub(crate) enum ProtectionSpace {
    Plain(&'static str),
    Shared(Arc<Described>),
}

/// A space with a realm that was read at run time, or with metadata.
#[derive(Clone)]
pub(crate) struct Described {
    realm: Realm,
    metadata: Option<Arc<str>>,
}

impl ProtectionSpace {
    pub(crate) fn realm(&self) -> &str {
        match self {
            Self::Plain(realm) => realm,
            Self::Shared(described) => described.realm.as_str(),
        }
    }

    /// The address of the resource's metadata (RFC 9728 §5.1), which a quoted string can contain as it is.
    pub(crate) fn metadata(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Shared(described) => described.metadata.as_deref(),
        }
    }

    pub(crate) fn with_realm(&self, realm: Realm) -> Self {
        let metadata = self.described().metadata;
        match (realm.0, metadata) {
            (Text::Fixed(realm), None) => Self::Plain(realm),
            (text, metadata) => Self::Shared(Arc::new(Described {
                realm: Realm(text),
                metadata,
            })),
        }
    }

    pub(crate) fn with_metadata(&self, metadata: Arc<str>) -> Self {
        Self::Shared(Arc::new(Described {
            metadata: Some(metadata),
            ..self.described()
        }))
    }

    fn described(&self) -> Described {
        match self {
            Self::Plain(realm) => Described {
                realm: Realm(Text::Fixed(realm)),
                metadata: None,
            },
            Self::Shared(described) => Described::clone(described),
        }
    }
}

impl Default for ProtectionSpace {
    fn default() -> Self {
        Self::Plain(DEFAULT)
    }
}

impl fmt::Debug for ProtectionSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectionSpace")
            .field("realm", &self.realm())
            .field("metadata", &self.metadata())
            .finish()
    }
}

impl PartialEq for Realm {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Realm {}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Realm").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_what_a_quoted_string_takes() {
        for realm in ["", "api", "my api", "~!#[]"] {
            assert_eq!(Realm::new(realm).unwrap().as_str(), realm);
        }
        for text in ["a\"b", "a\\b", "a\r\nb", "a\tb", "\u{7f}", "é"] {
            let error = Realm::new(text).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Realm, "{text:?}");
        }
        assert_eq!(Realm::new("api").unwrap(), Realm::default());
    }

    #[test]
    fn a_space_has_what_it_was_given_last() {
        let (fixed, read) = (Realm::from_static("shop"), Realm::new("read").unwrap());
        let space = ProtectionSpace::default();
        assert_eq!((space.realm(), space.metadata()), ("api", None));
        let space = space.with_realm(read.clone()).with_realm(fixed.clone());
        assert_eq!((space.realm(), space.metadata()), ("shop", None));
        let space = space.with_metadata("m".into()).with_metadata("n".into());
        assert_eq!((space.realm(), space.metadata()), ("shop", Some("n")));
        let space = space.with_realm(read);
        assert_eq!((space.realm(), space.metadata()), ("read", Some("n")));
        let space = space.with_realm(fixed);
        assert_eq!((space.realm(), space.metadata()), ("shop", Some("n")));
    }
}
