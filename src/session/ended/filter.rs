//! A Bloom filter of one hash: while no more than some millions have ended, it tells of most other sessions that they have
//! not, without a lock.

use std::sync::{
    OnceLock, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use crate::claims::SessionId;

/// 2 MiB, of which a million ended sessions let one in nine others through.
const WORDS: usize = 1 << 18;

/// The two halves of a word are two filters, so that one look at the memory asks both.
const BOTH: u64 = 1 | 1 << 32;

/// Two filters that take turns. Sessions are added to one of them for a period; after the next period, in which it is
/// only read, it is emptied. So a session stays for a period at least.
pub(super) struct Filter {
    /// In seconds.
    period: u32,
    /// The number of the period whose turn it is. Nobody adds a session while it changes.
    current: RwLock<u32>,
    /// Made for the first session, so that it costs nothing where none is ever ended.
    words: OnceLock<Box<[AtomicU64]>>,
}

impl Filter {
    pub(super) fn new(period: u32) -> Self {
        Self {
            period: period.max(1),
            current: RwLock::new(0),
            words: OnceLock::new(),
        }
    }

    /// Whether the session may be there: always, if it was added within the last period.
    #[inline]
    pub(super) fn may_contain(&self, id: SessionId) -> bool {
        let Some(words) = self.words.get() else {
            return false;
        };
        let (word, bit) = place(id);
        let word = words.get(word).map(|word| word.load(Ordering::Acquire));
        word.is_some_and(|word| word & (BOTH << bit) != 0)
    }

    /// Adds a session. It is there when this returns.
    pub(super) fn add(&self, id: SessionId, now: u32) {
        self.turn(now);
        // With the lock held, as the period that counts is that of this moment, not of `now`.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let (word, bit) = place(id);
        if let Some(word) = self.words.get_or_init(empty).get(word) {
            word.fetch_or(half(*current) << bit, Ordering::Release);
        }
    }

    /// Changes over to the period of `now`, if that has begun.
    pub(super) fn turn(&self, now: u32) {
        let period = now / self.period;
        let behind = |current: u32| current < period;
        let current = *self.current.read().unwrap_or_else(PoisonError::into_inner);
        if !behind(current) {
            return;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if !behind(*current) {
            return;
        }
        // The bits of sessions that were added before the last period.
        let gone = if *current + 1 == period {
            half(period) * u64::from(u32::MAX)
        } else {
            u64::MAX
        };
        *current = period;
        for word in self.words.get().into_iter().flat_map(|words| words.iter()) {
            if word.load(Ordering::Relaxed) & gone != 0 {
                word.fetch_and(!gone, Ordering::Relaxed);
            }
        }
    }
}

/// The lowest bit of the half whose turn it is in this period.
fn half(period: u32) -> u64 {
    1 << (32 * (period % 2))
}

/// The last bytes of an identifier are random, and servers choose them.
fn place(id: SessionId) -> (usize, u32) {
    let random = id.as_uuid().as_u128() as u32;
    ((random >> 5) as usize % WORDS, random % 32)
}

fn empty() -> Box<[AtomicU64]> {
    (0..WORDS).map(|_| AtomicU64::default()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::{collection::vec, prelude::*};
    use uuid::Uuid;

    use super::*;

    const MILLION: u32 = 1_000_000;

    fn id(number: u32) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(u128::from(number)))
    }

    #[test]
    fn of_a_million_it_lets_few_others_through() {
        let filter = Filter::new(10);
        let new = || SessionId::from_uuid(Uuid::now_v7());
        let ended: Vec<_> = (0..MILLION).map(|_| new()).collect();
        for id in &ended {
            filter.add(*id, 0);
        }
        assert!(ended.iter().all(|id| filter.may_contain(*id)));
        let others = (0..MILLION).filter(|_| filter.may_contain(new())).count();
        // 1 - e^(-1/8.4) of them.
        assert!((100_000..125_000).contains(&others), "{others}");
    }

    #[test]
    fn it_takes_no_memory_before_there_is_one() {
        let filter = Filter::new(10);
        filter.turn(100);
        assert!(!filter.may_contain(id(1)) && filter.words.get().is_none());
    }

    #[test]
    fn a_session_goes_after_two_periods() {
        let filter = Filter::new(10);
        for (number, now) in [(1, 0), (2, 15), (3, 29)] {
            filter.add(id(number), now);
        }
        let left = |now| {
            filter.turn(now);
            [1, 2, 3].map(|number| filter.may_contain(id(number)))
        };
        assert_eq!(left(29), [false, true, true]);
        assert_eq!(left(30), [false, false, true]);
        assert_eq!(left(70), [false; 3], "whatever was not looked at meanwhile");
    }

    #[test]
    fn who_comes_late_adds_to_the_period_of_this_moment() {
        let filter = Filter::new(10);
        filter.turn(25);
        filter.add(id(1), 5);
        filter.turn(39);
        assert!(filter.may_contain(id(1)));
    }

    proptest! {
        #[test]
        fn a_session_is_there_for_a_period_at_least(
            // Each period walks over all of the memory: more steps take longer than a busy machine is given.
            steps in vec((0..50_u32, 0..8_u32, any::<bool>()), 0..50),
        ) {
            let (filter, mut added, mut now) = (Filter::new(10), HashMap::new(), 0);
            for (number, passes, turns) in steps {
                now += passes;
                if turns {
                    filter.turn(now);
                }
                filter.add(id(number), now);
                added.insert(number, now);
                for (number, at) in &added {
                    prop_assert!(filter.may_contain(id(*number)) || *at + 10 < now);
                }
            }
        }
    }
}
