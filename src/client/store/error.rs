use std::{error::Error as StdError, fmt};

use crate::error::BoxError;

/// A token store that could not do what it was asked.
#[derive(Debug)]
pub struct TokenStoreError {
    kind: TokenStoreErrorKind,
    source: Option<BoxError>,
}

/// Why a token store could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenStoreErrorKind {
    /// The store cannot be read or written.
    #[error("the token store is unavailable")]
    Unavailable,
    /// Another process holds the lock.
    #[error("the token store is locked by another process")]
    Busy,
    /// Others than the owner can read or write the file.
    #[error("the token file is open to others: make it readable by its owner only (chmod 600)")]
    Exposed,
    /// What is kept cannot be read as tokens.
    #[error("the kept tokens cannot be read")]
    Corrupt,
}

impl TokenStoreError {
    /// An error of that kind.
    pub fn new(kind: TokenStoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of that kind and what caused it, which must hold no token.
    pub fn with_source(
        kind: TokenStoreErrorKind,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// Why.
    pub fn kind(&self) -> TokenStoreErrorKind {
        self.kind
    }
}

impl From<TokenStoreErrorKind> for TokenStoreError {
    fn from(kind: TokenStoreErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for TokenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl StdError for TokenStoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
