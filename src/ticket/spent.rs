//! The tickets that were used lately, so that none is good twice.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::sealed::SALT;

/// A bounded memory of tickets. Only those that these servers have made come in. Time in it is how long the
/// process runs, so that it forgets none when the system's clock is set.
#[derive(Debug)]
pub(super) struct Spent(Mutex<Halves>);

/// When the younger half is as old as a ticket can get, it becomes the older one, and what was there is
/// forgotten.
#[derive(Debug)]
struct Halves {
    /// For how long a ticket could be used, from when it is first used.
    span: Duration,
    since: Instant,
    younger: HashSet<[u8; SALT]>,
    older: HashSet<[u8; SALT]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    New,
    Again,
    /// There is no room, so that it could be used again. Nothing that still matters is forgotten.
    Full,
}

impl Spent {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Halves {
            span: Duration::ZERO,
            since: now,
            younger: HashSet::new(),
            older: HashSet::new(),
        }))
    }

    /// Remembers from now on for at least this span.
    pub(super) fn keep_for(&self, span: Duration) {
        let mut halves = self.halves();
        halves.span = halves.span.max(span);
    }

    // Nothing in here can panic half way, so a poisoned lock guards nothing broken.
    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a ticket is used, if no more than `limit` are remembered. Of two uses at once, one is the first.
    pub(super) fn note(&self, ticket: [u8; SALT], now: Instant, limit: usize) -> Noted {
        let mut halves = self.halves();
        halves.age(now);
        if halves.younger.contains(&ticket) || halves.older.contains(&ticket) {
            return Noted::Again;
        }
        if halves.younger.len() + halves.older.len() >= limit {
            return Noted::Full;
        }
        halves.younger.insert(ticket);
        Noted::New
    }
}

impl Halves {
    fn age(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age < self.span {
            return;
        }
        self.older = mem::take(&mut self.younger);
        if age >= self.span.saturating_mul(2) {
            self.older = HashSet::new();
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    /// A memory, and how it answers to the use of a ticket after some seconds.
    struct Memory(Spent, Instant);

    fn memory() -> Memory {
        let now = Instant::now();
        let spent = Spent::new(now);
        spent.keep_for(SPAN);
        Memory(spent, now)
    }

    impl Memory {
        fn note(&self, ticket: u8, seconds: u64, limit: usize) -> Noted {
            let now = self.1 + Duration::from_secs(seconds);
            self.0.note([ticket; SALT], now, limit)
        }
    }

    #[test]
    fn a_ticket_is_new_once() {
        let spent = memory();
        for second in [0, 1, 59, 60, 61, 119] {
            let noted = spent.note(1, second, 10);
            assert_eq!(noted == Noted::New, second == 0, "{second}");
        }
    }

    /// What comes right before a half is old is kept as long as the others.
    #[test]
    fn none_is_forgotten_early() {
        let spent = memory();
        assert_eq!(spent.note(1, 0, 10), Noted::New);
        assert_eq!(spent.note(2, 59, 10), Noted::New);
        assert_eq!(spent.note(3, 60, 10), Noted::New);
        assert_eq!(spent.note(2, 118, 10), Noted::Again);
        assert_eq!(spent.note(1, 121, 10), Noted::New);
    }

    #[test]
    fn the_longest_span_counts() {
        let spent = memory();
        for seconds in [300, 30] {
            spent.0.keep_for(Duration::from_secs(seconds));
        }
        assert_eq!(spent.note(1, 0, 10), Noted::New);
        assert_eq!(spent.note(2, 200, 10), Noted::New);
        assert_eq!(spent.note(1, 299, 10), Noted::Again);
    }

    #[test]
    fn a_flood_takes_no_more_room_and_opens_nothing_twice() {
        let spent = memory();
        let noted = |number| spent.note(number, 0, 3);
        assert_eq!(
            [1, 2, 3, 4, 5].map(noted)[2..],
            [Noted::New, Noted::Full, Noted::Full]
        );
        assert_eq!(noted(1), Noted::Again);
        assert_eq!(spent.note(4, 120, 3), Noted::New, "there is room again");
    }

    #[test]
    fn of_many_uses_at_once_one_is_the_first() {
        let spent = memory();
        let firsts = std::thread::scope(|scope| {
            let uses: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| spent.note(1, 0, 10) == Noted::New))
                .collect();
            let uses = uses.into_iter().map(|one| one.join().unwrap());
            uses.filter(|is_first| *is_first).count()
        });
        assert_eq!(firsts, 1);
    }
}
