//! Tokens that were accepted, so that the same token need not be verified with each request.
//!
//! 1. Only a token that passed every check gets in; of a refused one nothing is kept.
//! 2. It is found by a keyed hash of its last bytes, which are the signature's, and then compared
//!    as a whole. Another token, be it by one bit, is another token.
//! 3. A hit writes nothing that other cores read, but the count of the claims' owners; it takes
//!    one of many locks, and that for reading.
//! 4. What may have changed since is checked again with each hit: here the times and the key, by
//!    the layer the session and the scope.

use std::{
    ops::Range,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use super::{
    limits::CacheLimits,
    shard::{Shard, Slot},
    tail::{Tail, TailHash},
};
use crate::{
    claims::VerifiedToken,
    clock::{Clock, Timestamp},
    jws::{Trust, VerifyingKeys},
};

/// So that cores seldom meet at one lock.
const SHARDS: usize = 64;
/// Fewer would make the share of a small cache too uneven.
const ENTRIES_OF_A_SHARD: usize = 512;
/// Nor would a long token fit into less.
const BYTES_OF_A_SHARD: usize = 256 * 1024;

/// How far [`Clock::recent`] may be behind.
const RECENT: Duration = Duration::from_secs(1);

pub(super) struct Cache {
    limits: CacheLimits,
    hash: TailHash,
    shards: Box<[Locked]>,
}

/// On cache lines of its own: cores that are at two shards do not meet.
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
        }
    }

    pub(super) fn limits(&self) -> CacheLimits {
        self.limits
    }

    /// An empty one of the same limits.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.limits)
    }

    /// The token, where it is known, good by this clock, and its key is trusted still.
    pub(super) fn get(
        &self,
        token: &[u8],
        keys: &VerifyingKeys,
        clock: &dyn Clock,
    ) -> Option<VerifiedToken> {
        let (verified, good) = self.find(token, keys)?;
        is_good(good, clock).then_some(verified)
    }

    /// The token and when it is good. No clock is asked here, under the lock: it may be anybody's.
    fn find(
        &self,
        token: &[u8],
        keys: &VerifyingKeys,
    ) -> Option<(VerifiedToken, Range<Timestamp>)> {
        let (hash, shard) = self.place(token)?;
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        let slot = shard.get(hash)?;
        (slot.is_of(token) && keys.still_trusts(&slot.trust))
            .then(|| (slot.visited(), slot.good.clone()))
    }

    /// Keeps a token that has passed at `now`, for as long as it is good.
    pub(super) fn put(
        &self,
        token: &str,
        verified: &VerifiedToken,
        trust: Trust,
        good: Range<Timestamp>,
        now: Timestamp,
    ) {
        if let Some((hash, shard)) = self.place(token.as_bytes()) {
            let slot = Slot::new(token, verified.clone(), trust, good);
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.put(hash, slot, now);
        }
    }

    /// Where a token is kept, if it is.
    fn place(&self, token: &[u8]) -> Option<(u64, &RwLock<Shard>)> {
        let tail: &Tail = token.last_chunk()?;
        let hash = self.hash.of(tail);
        // By other bits than the lowest, by which a shard's own table goes.
        let Locked(shard) = self.shards.get((hash >> 32) as usize % self.shards.len())?;
        Some((hash, shard))
    }
}

/// By a time that has just been, and by the time itself where that could say otherwise.
fn is_good(good: Range<Timestamp>, clock: &dyn Clock) -> bool {
    let recent = clock.recent();
    let surely = good.start <= recent && recent + RECENT < good.end;
    surely || good.contains(&clock.now())
}
