//! The tail of a token, by which it is found.

use std::hash::{BuildHasher, RandomState};

/// 24 bytes of the signature, more than anyone guesses. No signature is shorter.
pub(super) type Tail = [u8; 32];

/// NH, the keyed hash under UMAC (RFC 4418 §5.2.2): whatever two tails are, one key in 2^63 gives
/// them the same hash. Nobody sees a hash, so that nobody can look for such pairs; and those who
/// get tokens do not choose how they end.
pub(super) struct TailHash {
    key: [u64; 4],
}

impl TailHash {
    pub(super) fn new() -> Self {
        // The standard library's keys are the operating system's random bytes.
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
