//! From where on the ends of sessions are to be read next.

use std::time::Duration;

use tokio::time::Instant;

use super::super::patience::PATIENCE;
use crate::clock::Timestamp;

/// How often more is read again than what is new, and how often everything that matters.
const WIDE_EVERY: Duration = Duration::from_secs(30);
const WHOLE_EVERY: Duration = Duration::from_secs(5 * 60);

/// How much two clocks of the store may differ, one after the other, as those of a primary and the one that
/// takes its place.
const SKEW: Duration = Duration::from_secs(60);

/// An end has the time of the load before it or at which its write began, and is seen when that was committed.
/// So each read begins some time before the last one did: mostly as long before as a load and a write may take;
/// each half minute much longer, for a write that went on although nobody waited for it, and for a clock that
/// went back; and each five minutes at the oldest end that matters, for a commit that hung.
#[derive(Debug)]
pub(super) struct Position {
    keep: Duration,
    narrow: Duration,
    wide: Duration,
    /// The store's time when the last read that has succeeded began.
    read_at: Timestamp,
    /// The same of the last wide read.
    read_widely_at: Timestamp,
    wide_at: Instant,
    whole_at: Instant,
    /// The store's time at some moment.
    told: (Timestamp, Instant),
}

/// How far back a read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    New,
    Wide,
    Whole,
}

/// A read that has not come to its end.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) since: Timestamp,
    /// The store's time when it began.
    pub(super) now: Timestamp,
    reach: Reach,
}

impl Position {
    /// Before everything that has to be known: ends are of interest for as long as `keep`.
    pub(super) fn new(store_timeout: Duration, keep: Duration) -> Self {
        let (never, now) = (Timestamp::default(), Instant::now());
        let wide = store_timeout.saturating_mul(PATIENCE + 1);
        Self {
            keep,
            narrow: store_timeout.saturating_mul(2),
            wide: wide.saturating_add(SKEW),
            read_at: never,
            read_widely_at: never,
            wide_at: now,
            whole_at: now,
            told: (never, now),
        }
    }

    /// What it is time for. For more than what is new, the store's time has to be told.
    pub(super) fn reach(&self) -> Reach {
        let now = Instant::now();
        match (now >= self.whole_at, now >= self.wide_at) {
            (true, _) => Reach::Whole,
            (false, true) => Reach::Wide,
            (false, false) => Reach::New,
        }
    }

    pub(super) fn tell(&mut self, now: Timestamp) {
        // Ends of a clock that went back have times at which reads were done.
        let back = self.now().saturating_since(now);
        self.read_at = self.read_at - back;
        self.read_widely_at = self.read_widely_at - back;
        self.told = (now, Instant::now());
    }

    /// The next read.
    pub(super) fn read(&self, reach: Reach) -> Read {
        let now = self.now();
        let whole = now - self.keep;
        let since = match reach {
            Reach::New => whole.max(self.read_at - self.narrow),
            Reach::Wide => whole.max(self.read_widely_at - self.wide),
            Reach::Whole => whole,
        };
        Read { since, now, reach }
    }

    pub(super) fn has_read(&mut self, read: &Read) {
        let now = Instant::now();
        self.read_at = read.now;
        if read.reach >= Reach::Wide {
            self.read_widely_at = read.now;
            self.wide_at = now + WIDE_EVERY;
        }
        if read.reach == Reach::Whole {
            self.whole_at = now + WHOLE_EVERY;
        }
    }

    /// The store's time, about.
    fn now(&self) -> Timestamp {
        let (then, at) = self.told;
        then + at.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);
    const KEEP: Duration = Duration::from_secs(1_200);
    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    /// Everything was read when the store's time was 10 000.
    fn read() -> Position {
        let mut position = Position::new(TIMEOUT, KEEP);
        assert_eq!(position.reach(), Reach::Whole);
        position.tell(at(10_000));
        let first = position.read(Reach::Whole);
        assert_eq!(first.since, at(10_000 - 1_200), "all that matters");
        position.has_read(&first);
        position
    }

    /// Lets time pass and reads what is new, each second.
    async fn follow(position: &mut Position, seconds: u32) {
        for _ in 0..seconds {
            advance(SECOND).await;
            let read = position.read(Reach::New);
            position.has_read(&read);
        }
    }

    fn since(position: &Position, reach: Reach) -> Timestamp {
        position.read(reach).since
    }

    #[tokio::test(start_paused = true)]
    async fn most_reads_begin_as_long_before_the_last_one_as_a_load_and_a_write_may_take() {
        let mut position = read();
        assert_eq!(position.reach(), Reach::New);
        advance(SECOND).await;
        let next = position.read(Reach::New);
        assert_eq!((next.since, next.now), (at(9_990), at(10_001)));
        position.has_read(&next);
        assert_eq!(since(&position, Reach::New), at(9_991));
    }

    #[tokio::test(start_paused = true)]
    async fn now_and_then_more_is_read_again() {
        let mut position = read();
        follow(&mut position, 29).await;
        assert_eq!(position.reach(), Reach::New);
        advance(SECOND).await;
        assert_eq!(position.reach(), Reach::Wide);
        position.tell(at(10_030));
        let next = position.read(Reach::Wide);
        assert_eq!(
            next.since,
            at(10_000 - 115),
            "as long before the last wide read"
        );
        assert_eq!(position.reach(), Reach::Wide, "it was not done yet");
        position.has_read(&next);
        assert_eq!(position.reach(), Reach::New);
        assert_eq!(since(&position, Reach::New), at(10_020));
    }

    #[tokio::test(start_paused = true)]
    async fn from_time_to_time_everything_is_read_again() {
        let mut position = read();
        advance(WHOLE_EVERY).await;
        assert_eq!(position.reach(), Reach::Whole);
        position.tell(at(10_300));
        let next = position.read(Reach::Whole);
        assert_eq!(next.since, at(10_300 - 1_200));
        position.has_read(&next);
        assert_eq!(position.reach(), Reach::New);
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_a_read_begins_where_the_last_one_has_begun() {
        let mut position = read();
        follow(&mut position, 10).await;
        advance(600 * SECOND).await;
        assert_eq!(since(&position, Reach::New), at(10_000));
        position.tell(at(10_610));
        assert_eq!(since(&position, Reach::Wide), at(10_000 - 115));
        // What is older is of no interest.
        advance(3_600 * SECOND).await;
        position.tell(at(14_210));
        assert_eq!(since(&position, Reach::Wide), at(14_210 - 1_200));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_went_back_is_followed_also_over_an_outage() {
        let mut position = read();
        follow(&mut position, 10).await;
        advance(200 * SECOND).await;
        // A minute behind what was to be expected.
        position.tell(at(10_150));
        let next = position.read(Reach::Wide);
        assert_eq!(next.since, at(10_000 - 60 - 115));
        assert_eq!(since(&position, Reach::New), at(10_010 - 60 - 10));
        position.has_read(&next);
        assert_eq!(since(&position, Reach::New), at(10_140));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_went_forward_skips_nothing() {
        let mut position = read();
        follow(&mut position, 10).await;
        position.tell(at(10_500));
        let next = position.read(Reach::Wide);
        assert_eq!(next.since, at(10_000 - 115));
        position.has_read(&next);
        assert_eq!(since(&position, Reach::New), at(10_490));
    }
}
