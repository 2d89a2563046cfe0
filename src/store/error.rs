use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use crate::error::BoxError;

/// A store that could not do what it was asked. On the wire it is always a 503: nothing is
/// known to be lost, and a 4xx would make clients throw their session away.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Why a store could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, is read-only or is full.
    #[error("the session store is unavailable")]
    Unavailable,
    /// The store did not answer in time.
    #[error("the session store did not answer in time")]
    Timeout,
    /// The store is busy with other writers.
    #[error("the session store is busy")]
    Busy,
    /// A session with this identifier exists.
    #[error("a session with this identifier exists")]
    Duplicate,
    /// A row cannot be read as a session.
    #[error("a session in the store cannot be read")]
    Corrupt,
}

impl StoreError {
    /// An error of that kind.
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of that kind and what caused it.
    pub fn with_source(kind: StoreErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(Arc::from(source.into())),
        }
    }

    /// Why.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// A store that cannot be opened, so that the application cannot start.
///
/// `Display` says why, `Debug` too, for programs that return it from `main`; neither shows the
/// address, which may hold a password.
///
/// Stores of other crates may use it as well:
///
/// ```
/// use tower_bearer::store::{OpenError, OpenErrorKind};
///
/// # let refused = std::io::Error::other("connection refused");
/// let error = OpenError::new(OpenErrorKind::Unreachable, "its server does not answer");
/// let error = error.with_source(refused);
/// assert_eq!(error.to_string(), "the store cannot be opened: its server does not answer");
/// ```
pub struct OpenError {
    kind: OpenErrorKind,
    why: Cow<'static, str>,
    source: Option<BoxError>,
}

/// Why a store cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// Its address, or a name in its options, cannot be used.
    Address,
    /// Its server or file cannot be reached, read or written, or is busy.
    Unreachable,
    /// The user or the password is refused, or may not do what the store needs.
    Refused,
    /// It is there and would not do: too old, read-only, or migrated by a newer version.
    Unsuitable,
}

impl OpenError {
    /// An error of that kind. `why` ends the sentence "the store cannot be opened: …" and must not
    /// show a secret.
    pub fn new(kind: OpenErrorKind, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            why: why.into(),
            source: None,
        }
    }

    /// The same error, and what caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// Why.
    pub fn kind(&self) -> OpenErrorKind {
        self.kind
    }
}

impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("OpenError");
        debug.field(&format_args!("{self}"));
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store cannot be opened: {}", self.why)
    }
}

impl StdError for OpenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
