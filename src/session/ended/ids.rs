//! A set of sessions that takes little memory: 16 bytes for each, and 6 to 12 for finding it.

use std::{collections::VecDeque, hash::BuildHasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::claims::SessionId;

/// How many entries are allocated at once. A list that doubles would take twice the memory.
const CHUNK: usize = 128;

/// The last bytes of a session's identifier. Those before are but the minute in which it began, and 74 bits of these
/// are random, which no other session has.
type Id = [u8; 12];

/// A session, and the second up to which it is kept.
#[derive(Clone, Copy)]
struct Entry {
    id: Id,
    until: u32,
}

/// Sessions in the order in which they came, which is about that in which they go.
#[derive(Default)]
pub(super) struct Ids {
    chunks: VecDeque<Vec<Entry>>,
    /// How many entries at the front of the first chunk have gone.
    gone: u32,
    /// The number of the first entry of the first chunk. Numbers wrap.
    first: u32,
    /// The number of each session's entry.
    numbers: HashTable<u32>,
    /// Different in each process and for each table. Nobody from outside chooses an identifier anyway: servers make
    /// them, and tokens and stores vouch for them.
    hasher: RandomState,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.number(&last_bytes(id)).is_some()
    }

    /// Whether the session is there up to this second.
    pub(super) fn has(&self, id: SessionId, until: u32) -> bool {
        let number = self.number(&last_bytes(id));
        let entry = number.and_then(|number| self.entry(number));
        entry.is_some_and(|entry| entry.until >= until)
    }

    /// Adds a session up to this second. One that is there for longer stays so.
    pub(super) fn insert(&mut self, id: SessionId, until: u32) {
        let id = last_bytes(id);
        if let Some(number) = self.number(&id) {
            match self.entry_mut(number) {
                Some(entry) if entry.until >= until => return,
                // It goes in its turn, and no longer holds up those behind it.
                Some(entry) => entry.until = 0,
                None => {}
            }
            self.remove(&id, number);
        }
        let number = self.push(Entry { id, until });
        let Self {
            chunks,
            first,
            numbers,
            hasher,
            ..
        } = self;
        let hash = |number: &u32| {
            let entry = entry(chunks, *first, *number);
            entry.map_or(0, |entry| hash_of(hasher, &entry.id))
        };
        numbers.insert_unique(hash_of(hasher, &id), number, hash);
    }

    /// Removes those at the front that were to be kept up to `now` at most, but only so many, so that
    /// nobody waits for long.
    pub(super) fn forget(&mut self, now: u32, most: usize) {
        for _ in 0..most {
            let Some(entry) = self.front().filter(|entry| entry.until <= now) else {
                break;
            };
            let number = self.first.wrapping_add(self.gone);
            self.remove(&entry.id, number);
            self.gone += 1;
            if self.gone as usize == CHUNK {
                self.chunks.pop_front();
                self.first = self.first.wrapping_add(CHUNK as u32);
                self.gone = 0;
            }
        }
        if self.numbers.is_empty() {
            self.numbers = HashTable::new();
        }
    }

    fn front(&self) -> Option<Entry> {
        self.chunks.front()?.get(self.gone as usize).copied()
    }

    fn push(&mut self, entry: Entry) -> u32 {
        let full = |chunk: &Vec<Entry>| chunk.len() == CHUNK;
        if self.chunks.back().is_none_or(full) {
            self.chunks.push_back(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let Some(last) = self.chunks.back_mut() else {
            return self.first;
        };
        last.push(entry);
        self.first.wrapping_add((before + last.len() - 1) as u32)
    }

    fn number(&self, id: &Id) -> Option<u32> {
        let hash = hash_of(&self.hasher, id);
        let is = |number: &u32| self.entry(*number).is_some_and(|entry| entry.id == *id);
        self.numbers.find(hash, is).copied()
    }

    /// Removes what leads to the entry of this number, if it is that of the session.
    fn remove(&mut self, id: &Id, number: u32) {
        let hash = hash_of(&self.hasher, id);
        if let Ok(found) = self.numbers.find_entry(hash, |other| *other == number) {
            found.remove();
        }
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        entry(&self.chunks, self.first, number)
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        let place = number.wrapping_sub(self.first) as usize;
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }
}

fn last_bytes(id: SessionId) -> Id {
    let [_, _, _, _, last @ ..] = id.as_uuid().into_bytes();
    last
}

/// Of their number, since bytes are hashed with their length.
fn hash_of(hasher: &RandomState, id: &Id) -> u64 {
    let mut number = [0; 16];
    if let Some((_, last)) = number.split_last_chunk_mut() {
        *last = *id;
    }
    hasher.hash_one(u128::from_ne_bytes(number))
}

fn entry(chunks: &VecDeque<Vec<Entry>>, first: u32, number: u32) -> Option<&Entry> {
    let place = number.wrapping_sub(first) as usize;
    chunks.get(place / CHUNK)?.get(place % CHUNK)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::{collection::vec, prelude::*};
    use uuid::Uuid;

    use super::*;

    fn id(number: u32) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(u128::from(number)))
    }

    /// Identifiers of one millisecond, whose 74 other bits are as if random, and in each run the same (SplitMix64).
    fn identifiers() -> impl Iterator<Item = SessionId> {
        let mut state = 0_u64;
        let mut random = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        std::iter::repeat_with(move || {
            let mut bytes = [0; 10];
            bytes[..2].copy_from_slice(&random().to_be_bytes()[..2]);
            bytes[2..].copy_from_slice(&random().to_be_bytes());
            let id = uuid::Builder::from_unix_timestamp_millis(0x0190_0000_0000, &bytes);
            SessionId::from_uuid(id.into_uuid())
        })
    }

    /// Tables take the last bits for a place and the first ones to compare.
    #[test]
    fn identifiers_of_the_same_time_are_spread_over_all_places() {
        let hasher = RandomState::default();
        let mut places = [HashMap::<u64, u32>::new(), HashMap::new()];
        for id in identifiers().take(1 << 15) {
            let hash = hash_of(&hasher, &last_bytes(id));
            for (places, place) in places.iter_mut().zip([hash % (1 << 12), hash >> 52]) {
                *places.entry(place).or_default() += 1;
            }
        }
        for places in places {
            assert!(places.len() > 4_000, "{} places", places.len());
            // Eight on average.
            let most = places.values().max().copied().unwrap_or_default();
            assert!(most < 64, "{most} at one place");
        }
    }

    #[test]
    fn each_table_has_keys_of_its_own() {
        let hashes = (0..100).map(|_| hash_of(&Ids::default().hasher, &[0; 12]));
        assert_eq!(hashes.collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn entries_go_in_their_order_and_chunks_with_them() {
        let mut ids = Ids::default();
        for round in 0..5 {
            for number in 0..3_000 {
                ids.insert(id(number), round + 1);
            }
            assert_eq!(ids.len(), 3_000);
            ids.forget(round, usize::MAX);
            assert_eq!(ids.len(), 3_000);
            ids.forget(round + 1, usize::MAX);
            assert_eq!(ids.len(), 0);
            assert!(ids.chunks.len() <= 1);
        }
    }

    #[test]
    fn numbers_may_wrap() {
        let mut ids = Ids {
            first: u32::MAX - 1_500,
            ..Ids::default()
        };
        for number in 0..3_000 {
            ids.insert(id(number), number);
        }
        assert!((0..3_000).all(|number| ids.contains(id(number))));
        ids.forget(1_999, usize::MAX);
        for number in 0..3_000 {
            assert_eq!(ids.contains(id(number)), number >= 2_000, "{number}");
        }
    }

    #[test]
    fn one_that_is_told_of_again_and_again_holds_up_nobody() {
        let mut ids = Ids::default();
        ids.insert(id(0), 10);
        ids.insert(id(1), 10);
        for until in 5..50 {
            ids.insert(id(0), until);
        }
        ids.forget(10, usize::MAX);
        assert!(ids.contains(id(0)));
        assert!(!ids.contains(id(1)));
        ids.forget(48, usize::MAX);
        assert_eq!(ids.len(), 1);
        ids.forget(49, usize::MAX);
        assert_eq!(ids.len(), 0);
    }

    #[test]
    fn only_so_many_go_at_once() {
        let mut ids = Ids::default();
        for number in 0..100 {
            ids.insert(id(number), 1);
        }
        ids.forget(1, 30);
        assert_eq!(ids.len(), 70);
        assert!(ids.contains(id(30)) && !ids.contains(id(29)));
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_sessions_each_up_to_its_second(
            steps in vec((0..40_u32, 1..8_u32, any::<bool>()), 0..400),
        ) {
            let (mut ids, mut expected, mut now) = (Ids::default(), HashMap::new(), 0);
            for (number, lifetime, passes) in steps {
                now += u32::from(passes);
                ids.forget(now, usize::MAX);
                ids.insert(id(number), now + lifetime);
                let until = expected.entry(number).or_insert(0);
                *until = (now + lifetime).max(*until);
                for (number, until) in &expected {
                    // One that came before others that stay longer may stay a while with them.
                    prop_assert!(ids.contains(id(*number)) || *until <= now);
                }
            }
            ids.forget(now + 8, usize::MAX);
            prop_assert_eq!(ids.len(), 0);
        }
    }
}
