//! The tickets that were used lately, so that none is good twice.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::sealed::SALT;
use crate::clock::Timestamp;

/// A bounded memory of tickets. Only those that these servers have made come in.
#[derive(Debug)]
pub(super) struct Spent {
    limit: usize,
    /// For how long a ticket could be used, from when it is first used.
    span: Duration,
    halves: Mutex<Halves>,
}

/// When the younger half is as old as a ticket can get, it becomes the older one, and what was there is
/// forgotten.
#[derive(Debug, Default)]
struct Halves {
    since: Timestamp,
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
    pub(super) fn new(limit: usize, span: Duration) -> Self {
        Self {
            limit,
            span,
            halves: Mutex::default(),
        }
    }

    /// An empty memory with another limit, or for another span.
    pub(super) fn with(&self, limit: Option<usize>, span: Option<Duration>) -> Self {
        Self::new(limit.unwrap_or(self.limit), span.unwrap_or(self.span))
    }

    /// Notes that a ticket is used. Of two uses at once, one is the first.
    pub(super) fn note(&self, ticket: [u8; SALT], now: Timestamp) -> Noted {
        // Nothing in here can panic half way, so a poisoned lock guards nothing broken.
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.age(now, self.span);
        if halves.younger.contains(&ticket) || halves.older.contains(&ticket) {
            return Noted::Again;
        }
        if halves.younger.len() + halves.older.len() >= self.limit {
            return Noted::Full;
        }
        halves.younger.insert(ticket);
        Noted::New
    }
}

impl Halves {
    fn age(&mut self, now: Timestamp, span: Duration) {
        // A clock that was set back must not keep everything until it is there again.
        self.since = self.since.min(now);
        let age = now.saturating_since(self.since);
        if age < span {
            return;
        }
        self.older = mem::take(&mut self.younger);
        if age >= span.saturating_mul(2) {
            self.older = HashSet::new();
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + seconds)
    }

    fn ticket(number: u8) -> [u8; SALT] {
        [number; SALT]
    }

    #[test]
    fn a_ticket_is_new_once() {
        let spent = Spent::new(10, SPAN);
        for second in [0, 1, 59, 60, 61, 119] {
            let noted = spent.note(ticket(1), at(second));
            assert_eq!(noted == Noted::New, second == 0, "{second}");
        }
    }

    /// What comes right before a half is old is kept as long as the others.
    #[test]
    fn none_is_forgotten_early() {
        let spent = Spent::new(10, SPAN);
        assert_eq!(spent.note(ticket(1), at(0)), Noted::New);
        assert_eq!(spent.note(ticket(2), at(59)), Noted::New);
        assert_eq!(spent.note(ticket(3), at(60)), Noted::New);
        assert_eq!(spent.note(ticket(2), at(118)), Noted::Again);
        assert_eq!(spent.note(ticket(1), at(121)), Noted::New);
    }

    #[test]
    fn a_flood_takes_no_more_room_and_opens_nothing_twice() {
        let spent = Spent::new(3, SPAN);
        let noted = |number| spent.note(ticket(number), at(0));
        assert_eq!(
            [1, 2, 3, 4, 5].map(noted)[2..],
            [Noted::New, Noted::Full, Noted::Full]
        );
        assert_eq!(noted(1), Noted::Again);
        assert_eq!(
            spent.note(ticket(4), at(120)),
            Noted::New,
            "there is room again"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_fill_it_for_ever() {
        let spent = Spent::new(1, SPAN);
        assert_eq!(spent.note(ticket(1), at(100_000)), Noted::New);
        assert_eq!(spent.note(ticket(2), at(0)), Noted::Full);
        assert_eq!(spent.note(ticket(1), at(0)), Noted::Again);
        assert_eq!(spent.note(ticket(2), at(121)), Noted::New);
    }

    #[test]
    fn of_many_uses_at_once_one_is_the_first() {
        let spent = Spent::new(10, SPAN);
        let firsts = std::thread::scope(|scope| {
            let uses: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| spent.note(ticket(1), at(0)) == Noted::New))
                .collect();
            let uses = uses.into_iter().map(|one| one.join().unwrap());
            uses.filter(|is_first| *is_first).count()
        });
        assert_eq!(firsts, 1);
    }
}
