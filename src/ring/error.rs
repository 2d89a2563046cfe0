use std::{error::Error as StdError, fmt};

use crate::{
    error::ConfigError,
    jws::KeyError,
    store::{StoreError, StoreErrorKind},
};

/// A key ring that cannot be opened, read or changed.
///
/// `Display` says what is wrong. What the store, a key or the configuration says of it is the
/// [`source`](StdError::source); `Debug` shows it with all its own causes, for programs that return the error from `main`. None
/// shows a secret.
pub struct KeyRingError {
    kind: KeyRingErrorKind,
    source: Option<Source>,
}

enum Source {
    Config(ConfigError),
    Key(KeyError),
    Store(StoreError),
}

/// Why a key ring cannot be opened, read or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingErrorKind {
    /// The options contradict each other.
    #[error("the key ring cannot be used as it is configured")]
    Config,
    /// The store failed, or did not answer in time.
    #[error("the store of the key ring failed")]
    Store,
    /// The ring was sealed under a secret that this server does not have.
    #[error(
        "the key ring is sealed under another key-encryption secret: give this server the one of the servers \
         that wrote it, byte for byte (a line break at its end counts), with_next_secret or with_previous_secret while \
         it changes. A copy of another \
         environment's database needs a ring of its own name"
    )]
    KeyEncryptionKey,
    /// The ring was cut off or changed, or it is one of another name.
    #[error(
        "the key ring is damaged, or it is the ring of another name: restore it from a backup. If there is none, \
         delete it while a server runs that knows the keys, which then writes it anew; without such a server new \
         keys are made, and all users have to log in again"
    )]
    Damaged,
    /// The ring was written by a newer version of this crate.
    #[error("the key ring was written by a newer version of tower-bearer: upgrade this server too")]
    NewerFormat,
    /// A key cannot be read or made.
    #[error("a key of the key ring cannot be used")]
    Key,
    /// The ring is above the size that stores take.
    #[error("the key ring is too large to be kept")]
    TooLarge,
    /// Other servers changed the ring each time that this one tried to.
    #[error("other servers changed the key ring again and again: try once more")]
    Contended,
}

impl KeyRingError {
    pub(super) fn new(kind: KeyRingErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(super) fn panicked() -> Self {
        const WHY: &str = "the store of the key ring has panicked";
        StoreError::with_source(StoreErrorKind::Unavailable, WHY).into()
    }

    pub(super) fn damaged() -> Self {
        Self::new(KeyRingErrorKind::Damaged)
    }

    /// Why the ring cannot be opened, read or changed.
    pub fn kind(&self) -> KeyRingErrorKind {
        self.kind
    }
}

impl From<ConfigError> for KeyRingError {
    fn from(error: ConfigError) -> Self {
        Self {
            kind: KeyRingErrorKind::Config,
            source: Some(Source::Config(error)),
        }
    }
}

impl From<KeyError> for KeyRingError {
    fn from(error: KeyError) -> Self {
        Self {
            kind: KeyRingErrorKind::Key,
            source: Some(Source::Key(error)),
        }
    }
}

impl From<StoreError> for KeyRingError {
    fn from(error: StoreError) -> Self {
        Self {
            kind: KeyRingErrorKind::Store,
            source: Some(Source::Store(error)),
        }
    }
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// As `Display`, with all causes: programs return the error from `main`.
impl fmt::Debug for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRingError({self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        f.write_str(")")
    }
}

impl StdError for KeyRingError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match self.source.as_ref()? {
            Source::Config(error) => error,
            Source::Key(error) => error,
            Source::Store(error) => error,
        })
    }
}
