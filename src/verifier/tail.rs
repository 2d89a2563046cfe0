//! The tail of a token, and the hash by which a token is found.

use std::hash::{BuildHasher, RandomState};

/// The last 32 characters of a token, which are 24 bytes of its signature. Nobody can guess so
/// many, and no signature is shorter.
pub(super) type Tail = [u8; 32];

/// The signature of ML-DSA-44, in characters. That of no other parameter set is shorter.
const ML_DSA: usize = 3227;

/// A signature of ML-DSA ends with its hint (FIPS 204 §7.2), which has at most 112 characters.
const HINT: usize = 112;

/// The tail of a token that is long enough.
///
/// The end of a signature of ML-DSA can be guessed: often it is zeros and a few numbers that only grow. So a token
/// that is as long as one adds 32 characters from before the hint, which are as good as random. In a long
/// token of another algorithm they may be known, and take nothing from what the end has.
pub(super) fn tail_of(token: &[u8]) -> Option<Tail> {
    let mut tail: Tail = *token.last_chunk()?;
    if token.len() >= ML_DSA {
        let before: &Tail = token.get(..token.len() - HINT)?.last_chunk()?;
        for (byte, other) in tail.iter_mut().zip(before) {
            *byte ^= other;
        }
    }
    Some(tail)
}

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
    fn the_tail_is_the_end_of_a_short_token_and_more_of_a_long_one() {
        assert_eq!(tail_of(&[b'a'; 31]), None);
        assert_eq!(tail_of(&[b'a'; ML_DSA - 1]), Some([b'a'; 32]));
        for at in [
            ML_DSA - HINT - 32,
            ML_DSA - HINT - 1,
            ML_DSA - 32,
            ML_DSA - 1,
        ] {
            let mut other = vec![b'a'; ML_DSA];
            let tail = tail_of(&other);
            other[at] = b'b';
            assert_ne!(tail_of(&other), tail, "{at}");
        }
    }

    /// Many end with the same 24 bytes.
    #[cfg(feature = "aws-lc-rs")]
    #[test]
    fn signatures_of_ml_dsa_have_a_tail_each() {
        use crate::{Algorithm, KeySet, SigningKey};
        let key = SigningKey::generate(Algorithm::MLDSA44).unwrap();
        let keys = KeySet::new(key);
        let tokens = (0..2000).map(|at| keys.sign("at+jwt", format!("{at}").as_bytes()).unwrap());
        let tokens: Vec<_> = tokens.collect();
        let tails: HashSet<_> = tokens
            .iter()
            .map(|token| tail_of(token.as_bytes()))
            .collect();
        assert_eq!(tails.len(), tokens.len());
    }

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
