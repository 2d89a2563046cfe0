//! A part of the cache, under a lock of its own.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
    mem,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{limits::CacheLimits, memory, text::Text};
use crate::{claims::VerifiedToken, clock::Timestamp, jws::Trust};

/// What a slot costs beside the token and its claims: itself in a table that is half full, and
/// its place in the ring.
const SLOT_BYTES: usize = 2 * size_of::<(u64, Slot)>() + 2 * size_of::<Place>();
/// Slots that each newcomer has looked at, so that expired ones go.
const SWEPT: usize = 2;
/// Slots that may be spared in a row, so that no request pays for a whole round.
const SPARED: usize = 32;

/// Tokens by the hash of their tail, at most one for each hash: a second one takes the place.
///
/// Room is made as a clock's hand does it: each slot is passed in turn, and one that was visited
/// since the last time is spared once.
pub(super) struct Shard {
    limits: CacheLimits,
    slots: HashMap<u64, Slot, BuildHasherDefault<Ready>>,
    /// Each hash of `slots` once, the next to be passed first.
    ring: VecDeque<Place>,
    bytes: usize,
}

struct Place {
    hash: u64,
    /// When the slot ends that came here first, so that few are looked at before they end.
    end: Timestamp,
}

pub(super) struct Slot {
    text: Text,
    verified: VerifiedToken,
    pub(super) trust: Trust,
    /// When it is good, leeway included.
    pub(super) good: Range<Timestamp>,
    bytes: usize,
    visited: AtomicBool,
}

impl Slot {
    pub(super) fn new(
        token: &str,
        verified: VerifiedToken,
        trust: Trust,
        good: Range<Timestamp>,
    ) -> Self {
        let text = Text::new(token);
        Self {
            bytes: SLOT_BYTES + text.memory() + memory::held_by(&verified),
            text,
            verified,
            trust,
            good,
            visited: AtomicBool::new(false),
        }
    }

    /// Whether it holds this very token.
    pub(super) fn is_of(&self, token: &[u8]) -> bool {
        self.text.is(token)
    }

    /// What it holds, for a request that brought the token.
    pub(super) fn visited(&self) -> VerifiedToken {
        // Looked at before it is written, so that cores share the line.
        if !self.visited.load(Ordering::Relaxed) {
            self.visited.store(true, Ordering::Relaxed);
        }
        self.verified.clone()
    }
}

impl Shard {
    pub(super) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            slots: HashMap::default(),
            ring: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn get(&self, hash: u64) -> Option<&Slot> {
        self.slots.get(&hash)
    }

    /// Keeps a slot, where it fits at all.
    pub(super) fn put(&mut self, hash: u64, slot: Slot, now: Timestamp) {
        if self.limits.entries == 0 || slot.bytes > self.limits.bytes {
            return;
        }
        for _ in 0..SWEPT {
            self.sweep(now);
        }
        self.bytes += slot.bytes;
        let end = slot.good.end;
        match self.slots.insert(hash, slot) {
            Some(replaced) => self.bytes -= replaced.bytes,
            None => self.ring.push_back(Place { hash, end }),
        }
        let mut spared = 0;
        while self.slots.len() > self.limits.entries || self.bytes > self.limits.bytes {
            self.pass(|slot| {
                let spare = mem::take(slot.visited.get_mut()) && spared < SPARED;
                spared += usize::from(spare);
                spare
            });
        }
    }

    /// Moves the hand by one slot, and removes it if it has ended.
    fn sweep(&mut self, now: Timestamp) {
        match self.ring.front() {
            Some(place) if place.end > now => self.ring.rotate_left(1),
            _ => self.pass(|slot| slot.good.end > now),
        }
    }

    /// Moves the hand by one slot, and removes it unless it is to be kept.
    fn pass(&mut self, keep: impl FnOnce(&mut Slot) -> bool) {
        let Some(Place { hash, .. }) = self.ring.pop_front() else {
            return;
        };
        let Entry::Occupied(mut slot) = self.slots.entry(hash) else {
            return;
        };
        if keep(slot.get_mut()) {
            let end = slot.get().good.end;
            self.ring.push_back(Place { hash, end });
        } else {
            self.bytes -= slot.remove().bytes;
        }
    }
}

/// Takes a keyed hash for what it is.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    /// Never asked: the keys are hashes.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
