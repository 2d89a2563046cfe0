use std::{
    error::Error as StdError,
    fmt,
    path::{Path, PathBuf},
};

use tower_bearer::error::BoxError;

/// A token store that could not do what it was asked.
///
/// `Debug` says what went wrong too, for programs that return it from `main`.
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

    pub(super) fn in_file(self, path: &Path) -> Self {
        let path = path.to_owned();
        let source = self.source;
        Self::with_source(self.kind, InFile { path, source })
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

/// Which file it is about, and what went wrong there.
#[derive(Debug, thiserror::Error)]
#[error("the file {}", path.display())]
struct InFile {
    path: PathBuf,
    source: Option<BoxError>,
}

impl fmt::Debug for TokenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("TokenStoreError");
        debug.field(&format_args!("{self}"));
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
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
