//! [`IdHash`]: identifiers of sessions as keys of tables that each request looks into.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Takes a tenth of the instructions that the standard hash takes. That one withstands keys which somebody has
/// chosen to meet. These are made by servers, which tokens and stores vouch for, and end in 62 random bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdHash([u64; 2]);

impl Default for IdHash {
    /// Different in each process and for each table.
    fn default() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0), random.hash_one(1)])
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    #[inline]
    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            keys: self.0,
            hash: 0,
        }
    }
}

pub(super) struct IdHasher {
    keys: [u64; 2],
    hash: u64,
}

impl Hasher for IdHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let [one, two] = self.keys;
        for part in bytes.chunks(size_of::<u128>()) {
            let number = match part.try_into() {
                Ok(bytes) => u128::from_ne_bytes(bytes),
                Err(_) => part
                    .iter()
                    .fold(0, |number, byte| number << 8 | u128::from(*byte)),
            };
            let (high, low) = ((number >> 64) as u64, number as u64);
            let product = u128::from(low ^ self.hash ^ one) * u128::from(high ^ two);
            self.hash = (product >> 64) as u64 ^ product as u64;
        }
    }

    /// How long what follows is, which is always the same.
    #[inline]
    fn write_usize(&mut self, _length: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use uuid::Uuid;

    use super::*;
    use crate::claims::SessionId;

    /// Of one millisecond, with random ends.
    fn ids(count: u64) -> impl Iterator<Item = SessionId> {
        const FIRST: u128 = 0x0190_0000_0000_7000_8000 << 48;
        let random = RandomState::new();
        let id = move |number| FIRST | u128::from(random.hash_one(number) >> 2);
        (0..count)
            .map(id)
            .map(Uuid::from_u128)
            .map(SessionId::from_uuid)
    }

    /// Tables take the first bits for a place and the last ones to compare, or the other way round.
    #[test]
    fn identifiers_of_the_same_time_are_spread_over_all_places() {
        const PLACES: u64 = 1 << 12;
        let hash = IdHash::default();
        let mut first = HashMap::<u64, u32>::new();
        let mut last = HashMap::<u64, u32>::new();
        for id in ids(1 << 15) {
            let hash = hash.hash_one(id);
            *first.entry(hash % PLACES).or_default() += 1;
            *last.entry(hash >> 52).or_default() += 1;
        }
        for places in [first, last] {
            assert!(places.len() > 4_000, "{} places", places.len());
            // Eight on average.
            let most = places.values().max().copied().unwrap_or_default();
            assert!(most < 64, "{most} at one place");
        }
    }

    #[test]
    fn each_table_has_keys_of_its_own() {
        let hashes =
            (0..100).map(|_| IdHash::default().hash_one(SessionId::from_uuid(Uuid::nil())));
        assert_eq!(hashes.collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn what_is_no_identifier_has_a_hash_too() {
        let hash = IdHash::default();
        assert_eq!(hash.hash_one("one"), hash.hash_one("one"));
        assert_ne!(hash.hash_one("one"), hash.hash_one("two"));
    }
}
