//! The parts of a token that nobody can guess, and the hash by which a token is found.

use std::hash::{BuildHasher, RandomState};

/// The last 32 characters of a token, which are 24 bytes of its signature. Nobody can guess so
/// many, and no signature is shorter.
pub(super) type Tail = [u8; 32];

/// The signature of ML-DSA-44, in characters. That of no other parameter set is shorter.
const ML_DSA: usize = 3227;

/// A signature of ML-DSA ends with its hint (FIPS 204 §7.2), which has at most 112 characters.
const HINT: usize = 112;

/// What stands for a token beside its tail, if it is as long as one of ML-DSA.
///
/// The end of such a signature can be guessed: often it is zeros and a few numbers that only grow. The 32
/// characters before the hint are as good as random. In a long token of another algorithm they may be
/// known, but there the tail is enough.
pub(super) fn before_hint(token: &[u8]) -> Option<&Tail> {
    match token.len() {
        ..ML_DSA => None,
        length => long_before_hint(token, length),
    }
}

/// It is apart, so that short tokens pay for one comparison only.
#[cold]
fn long_before_hint(token: &[u8], length: usize) -> Option<&Tail> {
    token.get(..length - HINT)?.last_chunk()
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

    /// The hash of a token, unless it is too short for one.
    #[inline]
    pub(super) fn of_token(&self, token: &[u8]) -> Option<u64> {
        let hash = self.of(token.last_chunk()?);
        Some(match before_hint(token) {
            None => hash,
            Some(before) => hash.wrapping_add(self.of(before)),
        })
    }

    #[inline(always)]
    fn of(&self, tail: &Tail) -> u64 {
        let [a, b, c, d] = self.keyed(tail);
        let sum = (u128::from(a) * u128::from(b)).wrapping_add(u128::from(c) * u128::from(d));
        (sum >> 64) as u64 ^ sum as u64
    }

    #[inline(always)]
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
    fn only_a_long_token_has_more_than_its_tail() {
        let token: Vec<u8> = (0..ML_DSA).map(|at| (at % 251) as u8).collect();
        assert_eq!(before_hint(&token[1..]), None);
        let before = &token[ML_DSA - HINT - 32..ML_DSA - HINT];
        assert_eq!(before_hint(&token).unwrap(), before);
    }

    /// Many end with the same 24 bytes.
    #[cfg(feature = "aws-lc-rs")]
    #[test]
    fn signatures_of_ml_dsa_differ_before_the_hint() {
        use crate::{Algorithm, KeySet, SigningKey};
        let key = SigningKey::generate(Algorithm::MLDSA44).unwrap();
        let keys = KeySet::new(key);
        let tokens = (0..2000).map(|at| keys.sign("at+jwt", format!("{at}").as_bytes()).unwrap());
        let tokens: Vec<_> = tokens.collect();
        let seen = tokens
            .iter()
            .map(|token| before_hint(token.as_bytes()).unwrap());
        assert_eq!(seen.collect::<HashSet<_>>().len(), tokens.len());
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
