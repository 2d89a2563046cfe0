use std::{borrow::Cow, fmt};

/// A key, or a set of keys, that cannot be used.
///
/// `Display` says what is wrong and what would be right, `Debug` too, for programs that return
/// it from `main`; neither shows a secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", kind.lead())]
pub struct KeyError {
    kind: KeyErrorKind,
    what: Cow<'static, str>,
}

/// What is wrong with a key, or a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// It cannot be read as a key of the algorithm.
    Format,
    /// It is too short for its algorithm, or for what it is to do.
    #[non_exhaustive]
    Weak {
        /// How many bits the key has.
        bits: usize,
        /// How many it has to have.
        minimum: usize,
    },
    /// A JWK whose type, `use`, `key_ops` or `alg` forbids what is asked of it (RFC 7517 §4).
    Use,
    /// The algorithm is not one that this crate supports.
    UnsupportedAlgorithm,
    /// Two keys of a set share a `kid`.
    DuplicateKid,
    /// A set that has no key that could be used.
    EmptySet,
    /// Keys that were to be replaced although a `KeySet` signs with one of them.
    KeysOfAKeySet,
    /// The operating system gave no random bytes, or the back end could not make a key.
    Generate,
}

impl KeyErrorKind {
    /// What a sentence of this kind begins with.
    const fn lead(self) -> &'static str {
        match self {
            Self::Format => "the key cannot be read: ",
            Self::Use => "the JWK is not meant for this: ",
            _ => "",
        }
    }
}

impl KeyError {
    pub(crate) fn new(kind: KeyErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        let what = what.into();
        Self { kind, what }
    }

    /// A key of so many bits, called `name`, where so many are needed.
    pub(crate) fn weak(name: &str, bits: usize, minimum: usize) -> Self {
        let what = format!("the {name} has {bits} bits, at least {minimum} are needed");
        Self::new(KeyErrorKind::Weak { bits, minimum }, what)
    }

    pub(super) fn unsupported(algorithm: &str) -> Self {
        let what = format!(
            "unsupported algorithm: {algorithm:?}; there are HS, RS and PS with 256, 384 and 512, \
             ES256, ES384 and EdDSA"
        );
        Self::new(KeyErrorKind::UnsupportedAlgorithm, what)
    }

    /// What is wrong.
    pub fn kind(&self) -> KeyErrorKind {
        self.kind
    }
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyError")
            .field(&format_args!("{self}"))
            .finish()
    }
}
