//! The proofs that were seen lately, so that none is accepted twice (RFC 9449 §11.1).

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{claims::KeyThumbprint, clock::Timestamp, trace};

/// A bounded memory of proofs. Each takes 8 bytes: a hash under a key of this process, so that
/// nobody can make two proofs that look the same.
#[derive(Debug)]
pub(super) struct Seen {
    limit: usize,
    /// For how long a proof could be used, from when it is first seen.
    span: Duration,
    hasher: RandomState,
    halves: Mutex<Halves>,
}

/// The memory has two halves. When the younger one is as old as a proof can get, or full, it
/// becomes the older one, and what was there is forgotten.
#[derive(Debug, Default)]
struct Halves {
    /// When the first proof came into the younger half.
    since: Timestamp,
    younger: HashSet<u64>,
    older: HashSet<u64>,
}

impl Seen {
    /// A memory of at most `limit` proofs, which could be used for as long as `span`.
    pub(super) fn new(limit: usize, span: Duration) -> Self {
        Self {
            limit,
            span,
            hasher: RandomState::new(),
            halves: Mutex::default(),
        }
    }

    /// Notes a proof, and tells whether it is a new one.
    pub(super) fn note(&self, key: &KeyThumbprint, jti: &str, now: Timestamp) -> bool {
        let proof = self.hasher.hash_one((key, jti));
        // Nothing in here can panic half way, so a poisoned lock guards nothing broken.
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.age(now, self.span);
        if halves.younger.contains(&proof) || halves.older.contains(&proof) {
            return false;
        }
        if halves.younger.len() >= (self.limit / 2).max(1) && halves.turn(now) > 0 {
            trace::warn!(
                limit = self.limit,
                "so many DPoP proofs come that the oldest are forgotten before their time; \
                 raise the replay limit"
            );
        }
        halves.younger.insert(proof)
    }
}

impl Halves {
    fn age(&mut self, now: Timestamp, span: Duration) {
        let age = now.saturating_since(self.since);
        if age >= span.saturating_mul(2) {
            *self = Self::default();
            self.since = now;
        } else if age >= span {
            self.turn(now);
        }
    }

    /// Forgets the older half, and tells how many proofs those were.
    fn turn(&mut self, now: Timestamp) -> usize {
        let younger = mem::take(&mut self.younger);
        self.since = now;
        mem::replace(&mut self.older, younger).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_until_both_halves_are_full() {
        let (now, mut halves) = (Timestamp::from_secs(1), Halves::default());
        halves.younger.extend([1, 2]);
        assert_eq!(halves.turn(now), 0, "there is room for as many");
        halves.younger.extend([3, 4]);
        assert_eq!(halves.turn(now), 2);
        assert_eq!(halves.older, HashSet::from([3, 4]));
    }
}
