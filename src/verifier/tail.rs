//! The tail of a token, and the hash by which a token is found.

use std::hash::{BuildHasher, RandomState};

/// The last 32 characters of a token, which are 24 bytes of its signature. Nobody can guess so
/// many, and no signature is shorter.
pub(super) type Tail = [u8; 32];

/// NH, the keyed hash of UMAC (RFC 4418 §5.2.2). Any two tails have the same hash under one key in
/// 2^63. Nobody can search for such a pair, because nobody sees a hash, and whoever gets a token
/// does not choose its signature.
pub(super) struct TailHash {
    key: [u64; 4],
}

impl TailHash {
    pub(super) fn new() -> Self {
        // The keys of the standard library are random bytes from the operating system.
        let random = RandomState::new();
        Self {
            key: [0, 1, 2, 3].map(|word| random.hash_one(word)),
        }
    }

    pub(super) fn of(&self, tail: &Tail) -> u64 {
        let [a, b, c, d] = self.keyed(tail);
        let sum = (u128::from(a) * u128::from(b)).wrapping_add(u128::from(c) * u128::from(d));
        (sum >> 64) as u64 ^ sum as u64
    }

    fn keyed(&self, tail: &Tail) -> [u64; 4] {
        let mut words = self.key;
        for (word, bytes) in words.iter_mut().zip(tail.as_chunks().0) {
            *word = word.wrapping_add(u64::from_le_bytes(*bytes));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_bit_counts_and_each_instance_has_its_key() {
        let hash = TailHash::new();
        let mut seen = HashSet::from([hash.of(&[0; 32])]);
        for bit in 0..256 {
            let mut tail = [0; 32];
            tail[bit / 8] = 1 << (bit % 8);
            assert!(seen.insert(hash.of(&tail)), "bit {bit}");
        }
        assert!(seen.insert(TailHash::new().of(&[0; 32])));
    }
}
