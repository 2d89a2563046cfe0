use std::{borrow::Cow, fmt};

use super::Algorithm;

/// An error shows no more of a name that a stranger chose.
const MAX_NAME_CHARS: usize = 64;

/// A key, or a set of keys, that cannot be used.
///
/// `Display` says what is wrong and what would be right. So does `Debug`, for programs that return
/// the error from `main`. Neither shows a secret.
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
    /// The input cannot be read as a key of the algorithm, or as a JWK Set.
    Format,
    /// The key is too short for its algorithm or its purpose.
    #[non_exhaustive]
    Weak {
        /// How many bits the key has.
        bits: usize,
        /// How many bits the key must have.
        minimum: usize,
    },
    /// The type, `use`, `key_ops` or `alg` of a JWK forbids how it is to be used (RFC 7517 §4), or a key that is with a
    /// [signer](https://docs.rs/tower-bearer/latest/tower_bearer/jws/trait.Signer.html) is wanted where only one that is here will do.
    Use,
    /// The algorithm is not one that this crate supports, or not one that the crypto back end has.
    UnsupportedAlgorithm,
    /// Two keys of a set share a `kid` for one algorithm, or those of a
    /// [`KeySet`](super::KeySet) for any.
    DuplicateKid,
    /// A JWK Set has more keys than are allowed.
    #[non_exhaustive]
    TooManyKeys {
        /// How many keys the set has.
        keys: usize,
        /// How many it may have.
        maximum: usize,
    },
    /// The set has no key that can be used.
    EmptySet,
    /// The keys to be replaced belong to a [`KeySet`](super::KeySet), which signs with one of them.
    KeysOfAKeySet,
    /// The keys that were to be changed are kept by a key ring, which rolls them over by itself.
    KeysOfARing,
    /// The operating system gave no random bytes, or the back end could not make a key.
    Generate,
}

impl KeyErrorKind {
    /// The first words of `Display` for this kind.
    const fn lead(self) -> &'static str {
        match self {
            Self::Use => "the key is not meant for this: ",
            _ => "",
        }
    }
}

impl KeyError {
    pub(crate) fn new(kind: KeyErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        let what = what.into();
        Self { kind, what }
    }

    /// The error for a key, called `name`, that has `bits` bits but needs at least `minimum`.
    pub(crate) fn weak(name: &str, bits: usize, minimum: usize) -> Self {
        let what = format!("the {name} has {bits} bits, at least {minimum} are needed");
        Self::new(KeyErrorKind::Weak { bits, minimum }, what)
    }

    pub(super) fn unsupported(algorithm: &str) -> Self {
        let name: String = algorithm.chars().take(MAX_NAME_CHARS).collect();
        let what = format!(
            "unsupported algorithm: {name:?}; there are HS, RS, PS and ES with 256, 384 and 512, \
             EdDSA, Ed25519, and ML-DSA with 44, 65 and 87"
        );
        Self::new(KeyErrorKind::UnsupportedAlgorithm, what)
    }

    /// The error for an algorithm of this crate that this back end has not.
    pub(super) fn not_of(back_end: &str, algorithm: Algorithm) -> Self {
        let what =
            format!("unsupported algorithm: the crypto back end {back_end} has no {algorithm}");
        Self::new(KeyErrorKind::UnsupportedAlgorithm, what)
    }

    pub(super) fn no_set() -> Self {
        let what = "it is no JWK Set, which is a JSON object with a list called \"keys\"";
        Self::new(KeyErrorKind::Format, what)
    }

    #[cfg(feature = "session")]
    pub(super) fn of_a_ring() -> Self {
        let what = "a KeyRing keeps this set: roll over and retire by the methods of the ring, and give it keys of \
                    your own by first_access_key and first_refresh_secret of its builder";
        Self::new(KeyErrorKind::KeysOfARing, what)
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
