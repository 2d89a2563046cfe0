//! Where the key ring of an issuer is kept: one sealed document that all its servers share.

use std::{fmt, future::Future, sync::Arc};

use super::{StoreError, StoreErrorKind, Swap};
use crate::clock::Timestamp;

/// Keeps key rings: for each name one document, which servers replace by compare and swap.
///
/// A document is sealed before a store sees it, so a store needs to keep nothing secret. It must keep all of it:
/// without the document that was written last, tokens that are in use can no longer be verified.
///
/// # Promises
///
/// 1. A document comes back byte for byte, under the name that it was kept by. Names are compared byte for byte. Else an
///    issuer loses its keys, or gets those of another.
/// 2. A swap happens whole or not at all, also if the process or the machine stops meanwhile. Once a call has
///    returned, every later call sees what it wrote, also a call from another server; a database with replicas is
///    read at its primary. Else two servers sign with keys of which each knows only its own, or one goes on with a key that
///    was retired.
/// 3. A write is as durable as the store can make it before the call returns. Else a crash takes back a key that has
///    signed: its tokens are refused, and of a refresh secret that logs users out.
/// 4. The store accepts every [`SealedRing`] under any name of 1 to [`LONGEST_NAME`](SealedRing::LONGEST_NAME)
///    bytes of UTF-8. It never deletes one by itself. Else an issuer can keep no ring, or loses it.
/// 5. All methods may be cancelled, which means that their future is dropped. A write that was cancelled happens whole
///    or not at all. Else a half-written ring stops every server after its lease.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no key ring",
    note = "the stores of sessions that come with this project do, and `FileRingStore` does where there is no database",
    note = "a `ShardedStore` does not: give the ring a clone of the store that is one of its shards"
)]
pub trait RingStore: Send + Sync + 'static {
    /// The document of this name, if there is one, and the time by the store's clock.
    ///
    /// All servers that share the document must see the same clock, as for
    /// [`SessionStore::now`](super::SessionStore::now): it tells them which key signs. A clock that jumps forward makes
    /// keys roll over and expire early.
    fn load_ring(&self, name: &str) -> impl Future<Output = Result<LoadedRing, StoreError>> + Send;

    /// Replaces the document of this name in one atomic step if its [version](SealedRing::version) is
    /// `expected`; `None` stands for no document. Otherwise nothing is written and the answer is [`Swap::Lost`].
    ///
    /// The caller chooses the version of `next`, which is above `expected`.
    fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;
}

/// What [`RingStore::load_ring`] found, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadedRing {
    /// The document, if the store has one of this name.
    pub ring: Option<SealedRing>,
    /// The time of the load, by the store's clock.
    pub now: Timestamp,
}

impl LoadedRing {
    /// The answer to a load: the document, if there is one, and the time by the store's clock.
    pub fn new(ring: Option<SealedRing>, now: Timestamp) -> Self {
        Self { ring, now }
    }
}

/// A key ring as a store keeps it: bytes that only those can read who have the key-encryption key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRing {
    version: u64,
    bytes: Arc<[u8]>,
}

impl SealedRing {
    /// The most bytes of a name.
    pub const LONGEST_NAME: usize = 256;
    /// The most bytes of a document.
    pub const LONGEST: usize = 256 * 1024;
    /// The highest version, which every database can hold.
    pub const HIGHEST_VERSION: u64 = i64::MAX as u64;

    /// A document of this version, as a store has kept it.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if it has no bytes or more than [`LONGEST`](Self::LONGEST), or the version is
    /// above [`HIGHEST_VERSION`](Self::HIGHEST_VERSION).
    pub fn new(version: u64, bytes: impl Into<Arc<[u8]>>) -> Result<Self, StoreError> {
        let bytes = bytes.into();
        let is_short = (1..=Self::LONGEST).contains(&bytes.len());
        if is_short && version <= Self::HIGHEST_VERSION {
            Ok(Self { version, bytes })
        } else {
            Err(StoreErrorKind::Corrupt.into())
        }
    }

    /// Its version, which rises with each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The sealed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for SealedRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRing")
            .field("version", &self.version)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl<S: RingStore> RingStore for Arc<S> {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        S::load_ring(self, name).await
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        S::swap_ring(self, name, expected, next).await
    }
}
