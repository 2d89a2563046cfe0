use std::{
    error::Error as StdError,
    fmt,
    path::{Path, PathBuf},
};

use crate::error::{BoxError, ClientError, ClientErrorKind};

/// A token store could not do what it was asked.
///
/// `Display` says what went wrong here, and not what caused it. `Debug` shows the cause as well,
/// for programs that return the error from `main`. The causes that
/// [`source`](StdError::source) leads to are for logs: for the stores of this crate, their types
/// and texts are no part of its API and may change in any release.
pub struct TokenStoreError {
    kind: TokenStoreErrorKind,
    source: Option<BoxError>,
}

/// Why a token store could not do what it was asked, by whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenStoreErrorKind {
    /// What is beneath the store failed: it cannot be read or written.
    #[error("the token store is unavailable")]
    Unavailable,
    /// Another process holds the lock for too long.
    #[error("the token store is locked by another process")]
    Busy,
    /// The token file's permissions let other users read or write it.
    #[error("the token file is open to others: make it readable by its owner only (chmod 600)")]
    Exposed,
    /// What is in the store cannot be read as tokens, so something else has written it.
    ///
    /// A [sign-in](crate::ClientSession::sign_in) replaces it, and a [logout](crate::ClientSession::logout)
    /// removes it. The session whose tokens were there lives on at the server until it expires, or until
    /// somebody ends it there.
    #[error("the kept tokens cannot be read: sign in to replace them")]
    Corrupt,
}

impl TokenStoreError {
    /// An error of that kind.
    pub fn new(kind: TokenStoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of that kind and what caused it. The cause is logged, so it must hold no token.
    pub fn with_source(
        kind: TokenStoreErrorKind,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// The same error, whose source tells the file that it is about.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        let path = path.to_owned();
        let source = self.source;
        Self::with_source(self.kind, InFile { path, source })
    }

    /// What went wrong.
    pub fn kind(&self) -> TokenStoreErrorKind {
        self.kind
    }
}

impl From<TokenStoreErrorKind> for TokenStoreError {
    fn from(kind: TokenStoreErrorKind) -> Self {
        Self::new(kind)
    }
}

impl From<TokenStoreError> for ClientError {
    fn from(error: TokenStoreError) -> Self {
        Self::with_source(ClientErrorKind::Store, error)
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
