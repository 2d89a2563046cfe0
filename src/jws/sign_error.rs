//! [`SignError`], and why a token could not be signed.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use crate::error::BoxError;

/// The error of a token that could not be signed.
///
/// Its `source` is what a [`Signer`](super::Signer) has said.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the token could not be signed: {kind}")]
pub struct SignError {
    kind: SignErrorKind,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Why a token could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignErrorKind {
    /// The application's own claims are not a JSON object or use a registered name, or `sub` is
    /// empty.
    #[error("private claims: {0}")]
    PrivateClaims(String),
    /// The operating system gave no random bytes, or the back end failed.
    #[error("the crypto back end failed")]
    Backend,
    /// The private key is with a [`Signer`](super::Signer), which `Issuer::sign` cannot wait for.
    #[error("the private key is with a signer: sign by `sign_async`")]
    KeyElsewhere,
    /// More signatures are waited for than the options of the [`Signer`](super::Signer) allow. It was not asked.
    #[error("too many signatures are waited for already")]
    SignerBusy,
    /// The [`Signer`](super::Signer) has not signed in time.
    #[error("the signer did not answer in time")]
    SignerTimeout,
    /// The [`Signer`](super::Signer) has failed.
    #[error("the signer failed")]
    SignerFailed,
    /// What the [`Signer`](super::Signer) gave is no signature by the key whose public half it was given for.
    #[error("what the signer gave is no signature of its public key")]
    WrongSignature,
    /// No key of a [`KeyRing`](https://docs.rs/tower-bearer/latest/tower_bearer/ring/struct.KeyRing.html) may sign now:
    /// this process has not read the ring for longer than its lease. It passes when the store of the ring can be reached.
    #[error("no key may sign now: the key ring could not be read for too long")]
    NoKey,
    /// The token would live longer than the
    /// [access lifetime](https://docs.rs/tower-bearer/latest/tower_bearer/ring/struct.KeyRingBuilder.html#method.access_lifetime)
    /// of its ring: its key might have gone before it expires, and then nobody could verify it.
    #[error(
        "the token would live longer than {longest:?}, for which its key ring keeps a key: set `KeyRingBuilder::access_lifetime`"
    )]
    #[non_exhaustive]
    OutlivesKey {
        /// The access lifetime of the ring.
        longest: Duration,
    },
}

impl SignErrorKind {
    /// Whether a later try may succeed: a [`Signer`](super::Signer) did not do its work, or a ring cannot be read.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::SignerBusy
            | Self::SignerTimeout
            | Self::SignerFailed
            | Self::WrongSignature
            | Self::NoKey => true,
            Self::PrivateClaims(_)
            | Self::Backend
            | Self::KeyElsewhere
            | Self::OutlivesKey { .. } => false,
        }
    }
}

impl SignError {
    pub(super) fn new(kind: SignErrorKind) -> Self {
        Self { kind, source: None }
    }

    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(super) fn with_source(kind: SignErrorKind, source: impl Into<BoxError>) -> Self {
        let source = Some(source.into().into());
        Self { kind, source }
    }

    /// The back end failed.
    pub(crate) fn signing() -> Self {
        Self::new(SignErrorKind::Backend)
    }

    /// No key of a ring may sign.
    #[cfg(feature = "session")]
    pub(super) fn no_key() -> Self {
        Self::new(SignErrorKind::NoKey)
    }

    /// The signer has not signed in time.
    #[cfg(feature = "session")]
    pub(crate) fn too_slow() -> Self {
        Self::new(SignErrorKind::SignerTimeout)
    }

    /// The token would live longer than its ring keeps a key.
    #[cfg(feature = "session")]
    pub(super) fn outlives_key(longest: Duration) -> Self {
        Self::new(SignErrorKind::OutlivesKey { longest })
    }

    /// The claims cannot be written.
    pub(crate) fn claims(why: impl Into<String>) -> Self {
        Self::new(SignErrorKind::PrivateClaims(why.into()))
    }

    /// The claims could not be written. What serde_json says of it could contain a claim, so it is left out.
    pub(crate) fn unwritten(_: serde_json::Error) -> Self {
        Self::claims("they cannot be written as JSON")
    }

    /// Why the token could not be signed.
    pub fn kind(&self) -> &SignErrorKind {
        &self.kind
    }
}

/// By the kind alone.
impl PartialEq for SignError {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for SignError {}
