//! Remembers accepted tokens, so that the same token is not verified anew on each request.
//!
//! 1. Only a token that has passed every check is kept. Nothing is kept of a refused token.
//! 2. A token is found by a keyed hash of its last bytes, which belong to the signature, or of others that
//!    nobody can guess, and is then compared as a whole. A token that differs in one bit is not found.
//! 3. A hit takes one of many locks, for reading. The only thing that it writes and other cores
//!    read is the reference count of the claims.
//! 4. What may have changed is checked again on each hit: the times and the key by the cache, the
//!    session and the scope by the layer.

use std::{
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use super::{
    limits::CacheLimits,
    meter::Meter,
    shard::{Shard, Slot},
    tail::TailHash,
};
use crate::{
    claims::{Content, VerifiedToken},
    clock::{Clock, Timestamp},
    jws::Trust,
};

/// So many locks that two cores seldom need the same one.
const SHARDS: usize = 64;
/// Fewer would make the share of a small cache too uneven.
const ENTRIES_OF_A_SHARD: usize = 512;
/// Fewer would be too few for a long token.
const BYTES_OF_A_SHARD: usize = 256 * 1024;

/// By how much [`Clock::recent`] may be behind.
const RECENT: Duration = Duration::from_secs(1);

pub(super) struct Cache {
    limits: CacheLimits,
    hash: TailHash,
    shards: Box<[Locked]>,
    meter: Meter,
}

/// A shard on cache lines of its own, so that cores at different shards do not slow each other
/// down.
#[repr(align(128))]
struct Locked(RwLock<Shard>);

impl Cache {
    pub(super) fn new(limits: CacheLimits) -> Self {
        let by_entries = limits.entries / ENTRIES_OF_A_SHARD;
        let by_bytes = limits.bytes / BYTES_OF_A_SHARD;
        let shards = by_entries.min(by_bytes).clamp(1, SHARDS);
        let share = CacheLimits {
            entries: limits.entries / shards,
            bytes: limits.bytes / shards,
        };
        Self {
            limits,
            hash: TailHash::new(),
            shards: (0..shards)
                .map(|_| Locked(RwLock::new(Shard::new(share))))
                .collect(),
            meter: Meter::new(),
        }
    }

    pub(super) fn limits(&self) -> CacheLimits {
        self.limits
    }

    /// An empty cache with the same limits.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.limits)
    }

    /// The token, if it is remembered, valid by this clock, and its key is still trusted.
    pub(super) fn get(&self, token: &[u8], clock: &dyn Clock) -> Option<VerifiedToken> {
        let found = self.find(token).filter(|(_, good)| is_good(good, clock));
        self.meter.looked(found.is_some());
        found.map(|(content, _)| VerifiedToken::new(content))
    }

    /// The claims and the time in which they are valid. The clock may be the application's, so it is
    /// not read here under the lock.
    fn find(&self, token: &[u8]) -> Option<(Arc<Content>, Range<Timestamp>)> {
        let (hash, shard) = self.place(token)?;
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        let slot = shard.get(hash)?;
        (slot.is_of(token) && slot.trust.holds()).then(|| (slot.visited(), slot.good.clone()))
    }

    /// Keeps a token that was accepted at `now`, for as long as it is valid.
    pub(super) fn put(
        &self,
        token: &str,
        content: &Arc<Content>,
        trust: Trust,
        good: Range<Timestamp>,
        now: Timestamp,
    ) {
        if let Some((hash, shard)) = self.place(token.as_bytes()) {
            let slot = Slot::new(token, Arc::clone(content), trust, good);
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.held();
            shard.put(hash, slot, now);
            self.meter.changed(before, shard.held());
        }
    }

    /// The hash of a token, and the shard that it belongs to.
    fn place(&self, token: &[u8]) -> Option<(u64, &RwLock<Shard>)> {
        let hash = self.hash.of_token(token)?;
        // The highest and the lowest bits are left to the table of the shard. The product is a share of
        // the number of shards, and takes less time than a remainder.
        let share = u64::from((hash >> 24) as u32) * self.shards.len() as u64;
        let Locked(shard) = self.shards.get((share >> 32) as usize)?;
        Some((hash, shard))
    }
}

/// Whether a token is valid now. The recent time is enough unless the start or the end is near.
fn is_good(good: &Range<Timestamp>, clock: &dyn Clock) -> bool {
    let recent = clock.recent();
    let surely = good.start <= recent && recent + RECENT < good.end;
    surely || good.contains(&clock.now())
}
