use std::{error::Error as StdError, fmt, sync::Arc};

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
    pub fn with_source(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
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
