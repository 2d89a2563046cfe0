use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use crate::error::BoxError;

/// The error of a store operation.
///
/// The client gets a 503 for it, or a 500 if it is of a kind that does not pass by waiting
/// ([`Corrupt`](StoreErrorKind::Corrupt) and [`Unstorable`](StoreErrorKind::Unstorable)). A 4xx would make the client discard its tokens,
/// although its session may be unharmed.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Why a store operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, is read-only or is full.
    #[error("the store is unavailable")]
    Unavailable,
    /// The store did not answer in time.
    #[error("the store did not answer in time")]
    Timeout,
    /// The store is busy with other writers.
    #[error("the store is busy")]
    Busy,
    /// The store has a session with this identifier already. It passes: the next attempt has
    /// another identifier.
    #[error("a session with this identifier exists")]
    Duplicate,
    /// A row in the store cannot be read as a session, or a document as a key ring.
    #[error("what the store has cannot be read")]
    Corrupt,
    /// The store can never keep this session or ring, however often it is tried: a text is too long for
    /// it, for instance.
    #[error("the store cannot keep this")]
    Unstorable,
    /// The store has not given this [cursor](super::Cursor), or can no longer go on from it. `Sessions::list_all`
    /// answers with `InvalidRequest`.
    #[error("this cursor is no longer good, or of another list: begin with the first page")]
    Cursor,
}

impl StoreError {
    /// An error of this kind, without a cause.
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of this kind that was caused by `source`.
    pub fn with_source(kind: StoreErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(Arc::from(source.into())),
        }
    }

    /// Why the operation failed.
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

/// The error of opening a store, without which the application cannot start.
///
/// `Display` tells the reason. `Debug` tells it too, for programs that return this error from
/// `main`. Neither shows the store's address, which may contain a password.
///
/// Stores in other crates may use this type:
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
    /// The store's address, or a name in its options, cannot be used.
    Address,
    /// The store's server or file cannot be reached, read or written, or is busy.
    Unreachable,
    /// The server refuses the user or the password, or the user lacks a right that the store
    /// needs.
    Refused,
    /// The server or file cannot be used: it is too old, read-only, or its tables are of another
    /// version of the store.
    Unsuitable,
}

impl OpenError {
    /// An error of this kind. `why` completes the sentence "the store cannot be opened: …" and
    /// must not contain a secret.
    pub fn new(kind: OpenErrorKind, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            why: why.into(),
            source: None,
        }
    }

    /// The same error, caused by `source`, which `Debug` shows and which must not show a secret.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// Why the store cannot be opened.
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
