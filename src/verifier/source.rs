//! Where the keys of an issuer come from that its set does not have.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::{clock::Timestamp, jws::VerifyingKeys};

/// The keys of an issuer: a fixed set, one that the application
/// [replaces](VerifyingKeys::replace), or one that is fetched.
///
/// ```
/// use tower_bearer::{Algorithm, IssuerKeys, KeySet, SigningKey};
///
/// let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?);
/// let keys = IssuerKeys::from(keys.verifying());
/// # let _ = keys;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    pub(super) set: VerifyingKeys,
    pub(super) source: Option<Arc<dyn Source>>,
}

impl IssuerKeys {
    /// A set that is filled from a source, which is asked where it lacks a key.
    #[cfg_attr(not(feature = "remote"), allow(dead_code))] // only fetched keys have a source
    pub(crate) fn from_source(set: VerifyingKeys, source: Arc<dyn Source>) -> Self {
        Self {
            set,
            source: Some(source),
        }
    }

    /// See [`Source::usable_for`].
    pub(crate) fn usable_for(&self) -> Option<Duration> {
        self.source.as_ref()?.usable_for()
    }

    /// The issuer that the keys were found by, if they were.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.source.as_ref()?.issuer()
    }

    #[cfg(feature = "remote")]
    pub(crate) fn set(&self) -> &VerifyingKeys {
        &self.set
    }

    #[cfg(feature = "remote")]
    pub(crate) fn source(&self) -> Option<&Arc<dyn Source>> {
        self.source.as_ref()
    }
}

impl From<VerifyingKeys> for IssuerKeys {
    fn from(set: VerifyingKeys) -> Self {
        Self { set, source: None }
    }
}

/// What fills a set of keys.
pub(crate) trait Source: Send + Sync + fmt::Debug {
    /// How long the keys of the set may be used from now on; `None` for as long as they are in it. Asked
    /// before a token is verified anew. The set is empty afterwards if the time is over.
    fn usable_for(&self) -> Option<Duration>;

    /// The issuer that the keys were found by, if they were.
    fn issuer(&self) -> Option<&str>;

    /// Asked when no key of the set fits a token. `issued_at` is what the token says of itself, which
    /// nobody has checked.
    fn missing(&self, issued_at: Option<Timestamp>) -> Missing;

    /// Asked when a key of the set has the token's name, and another algorithm, or the signature is not its:
    /// the issuer may have given the name to another key. The token is to be tried again after this. `None`
    /// if the verdict counts as it is, as for all tokens but the first in a while.
    fn doubted(&self, issued_at: Option<Timestamp>) -> Option<Fetching>;
}

/// What is known of a key that the set does not have.
#[cfg_attr(not(feature = "remote"), allow(dead_code))] // only fetched keys have a source
pub(crate) enum Missing {
    /// The issuer has no such key.
    Unknown,
    /// It cannot be told now.
    Unavailable,
    /// The set is being fetched. The token is to be tried again after this.
    Fetching(Fetching),
}

/// Gives whether the issuer has been asked meanwhile, and has answered: then a key that is still not there is
/// none of its keys.
pub(crate) type Fetching = Pin<Box<dyn Future<Output = bool> + Send>>;
