//! A part of the cache, under a lock of its own.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
    mem,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{limits::CacheLimits, memory, meter::Held, text::Text};
use crate::{claims::Content, clock::Timestamp, jws::Trust};

/// A table has eight places for each seven slots that it has room for, and a byte for each place.
const ROOM_BYTES: usize = (8 * (size_of::<(u64, Slot)>() + 1)).div_ceil(7);
/// How many slots are checked for expiry each time a token is added.
const SWEPT: usize = 2;
/// How many slots may be spared in a row, so that no request pays for a whole round.
const SPARED: usize = 32;

/// Tokens by the hash of their tail. There is at most one for each hash: a second one replaces the
/// first.
///
/// Tokens are evicted by the clock algorithm: a hand passes one slot after the other and removes
/// it, unless it was visited since the hand last passed.
pub(super) struct Shard {
    limits: CacheLimits,
    slots: HashMap<u64, Slot, BuildHasherDefault<Ready>>,
    /// Each hash of `slots` once. The hand is at the front.
    ring: VecDeque<Place>,
    /// The number of slots that the table has room for when it is empty. Places of removed slots
    /// make the table grow before it is full, and it never shrinks, so that only this tells how
    /// large it is.
    room: usize,
    /// The memory of the tokens and their claims.
    bytes: usize,
}

struct Place {
    hash: u64,
    /// The end of the slot that was put here first, even if another one has replaced it since. It
    /// lets [`Shard::sweep`] skip most live slots without a look at the table.
    end: Timestamp,
}

pub(super) struct Slot {
    text: Text,
    content: Arc<Content>,
    pub(super) trust: Trust,
    /// The time in which the token is valid, with the leeway.
    pub(super) good: Range<Timestamp>,
    bytes: usize,
    visited: AtomicBool,
}

impl Slot {
    pub(super) fn new(
        token: &str,
        content: Arc<Content>,
        trust: Trust,
        good: Range<Timestamp>,
    ) -> Self {
        let text = Text::new(token);
        Self {
            bytes: text.memory() + memory::held_by(&content),
            text,
            content,
            trust,
            good,
            visited: AtomicBool::new(false),
        }
    }

    /// Whether the slot contains this token.
    pub(super) fn is_of(&self, token: &[u8]) -> bool {
        self.text.is(token)
    }

    /// The claims, for a request with this token.
    pub(super) fn visited(&self) -> Arc<Content> {
        // It is read before it is written, so that cores can share the cache line.
        if !self.visited.load(Ordering::Relaxed) {
            self.visited.store(true, Ordering::Relaxed);
        }
        Arc::clone(&self.content)
    }
}

impl Shard {
    pub(super) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            slots: HashMap::default(),
            ring: VecDeque::new(),
            room: 0,
            bytes: 0,
        }
    }

    pub(super) fn get(&self, hash: u64) -> Option<&Slot> {
        self.slots.get(&hash)
    }

    /// Keeps a slot, unless it is too large for the limits.
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
        self.room = self.room.max(self.slots.capacity());
        let mut spared = 0;
        while self.is_over_limits() && !self.ring.is_empty() {
            self.pass(|slot| {
                let spare = mem::take(slot.visited.get_mut()) && spared < SPARED;
                spared += usize::from(spare);
                spare
            });
        }
    }

    pub(super) fn held(&self) -> Held {
        let places = self.room * ROOM_BYTES + self.ring.capacity() * size_of::<Place>();
        Held {
            entries: self.slots.len(),
            bytes: self.bytes + places,
        }
    }

    fn is_over_limits(&self) -> bool {
        let Held { entries, bytes } = self.held();
        entries > self.limits.entries || bytes > self.limits.bytes
    }

    /// Moves the hand by one slot, and removes the slot if it has ended.
    fn sweep(&mut self, now: Timestamp) {
        match self.ring.front() {
            Some(place) if place.end > now => self.ring.rotate_left(1),
            _ => self.pass(|slot| slot.good.end > now),
        }
    }

    /// Moves the hand by one slot, and removes the slot unless `keep` says otherwise.
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

/// Uses a key that is already a keyed hash as its own hash.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    /// Never called, because all keys are of type `u64`.
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
