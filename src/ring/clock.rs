use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use crate::{clock::Timestamp, jws::PlanClock};

/// A ring that is read every second or so is known after fewer seconds than this.
const FRESH: Duration = Duration::from_secs(10);

/// The time by the store's clock, as it has gone on since the ring was last read.
pub(super) struct StoreClock {
    reading: ArcSwapOption<Reading>,
    /// For how long the last reading counts.
    lease: Duration,
    /// For how long after a read began a key that it did not find is one that nobody has, unless it was made in haste.
    fresh: Duration,
}

/// When a read began, by three clocks.
struct Reading {
    store: Timestamp,
    monotonic: Instant,
    system: SystemTime,
}

impl Reading {
    /// A machine that was suspended knows it by the one clock, and one whose time was set back by the other.
    fn age(&self) -> Duration {
        let by_system = self.system.elapsed().unwrap_or(Duration::ZERO);
        self.monotonic.elapsed().max(by_system)
    }
}

/// When a read begins.
pub(super) struct Begin(Instant, SystemTime);

impl Begin {
    pub(super) fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }
}

impl StoreClock {
    pub(super) fn new(lease: Duration, every: Duration) -> Self {
        Self {
            reading: ArcSwapOption::empty(),
            lease,
            fresh: lease.min(FRESH.max(every.saturating_mul(3))),
        }
    }

    pub(super) fn set(&self, begin: Begin, store: Timestamp) {
        let Begin(monotonic, system) = begin;
        self.reading.store(Some(Arc::new(Reading {
            store,
            monotonic,
            system,
        })));
    }

    /// The time, however old the last reading is.
    pub(super) fn estimate(&self) -> Timestamp {
        let reading = self.reading.load();
        let reading = reading.as_ref();
        reading.map_or_else(Timestamp::default, |reading| reading.store + reading.age())
    }

    /// How long ago the last read began that succeeded.
    pub(super) fn age(&self) -> Duration {
        let reading = self.reading.load();
        reading
            .as_ref()
            .map_or(Duration::MAX, |reading| reading.age())
    }
}

impl PlanClock for StoreClock {
    fn now(&self) -> Option<Timestamp> {
        let reading = self.reading.load();
        let reading = reading.as_ref()?;
        let age = reading.age();
        (age <= self.lease).then_some(reading.store + age)
    }

    fn is_fresh(&self) -> bool {
        self.age() <= self.fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn clock(begin: Begin) -> StoreClock {
        let clock = StoreClock::new(Duration::from_secs(10), Duration::from_secs(1));
        clock.set(begin, Timestamp::from_secs(1000));
        clock
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_was_suspended_knows_it_by_its_time() {
        let clock = clock(Begin(Instant::now(), SystemTime::now() - HOUR));
        assert!(clock.age() >= HOUR);
        assert_eq!(clock.now(), None, "its lease has ended");
        assert!(clock.estimate() >= Timestamp::from_secs(1000) + HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_is_set_back_does_not_stop_the_clock() {
        let clock = clock(Begin(Instant::now(), SystemTime::now() + HOUR));
        assert_eq!(clock.now(), Some(Timestamp::from_secs(1000)));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(clock.now(), Some(Timestamp::from_secs(1009)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), None);
    }

    #[test]
    fn without_a_read_nothing_is_known() {
        let clock = StoreClock::new(HOUR, HOUR);
        assert_eq!((clock.now(), clock.age()), (None, Duration::MAX));
    }
}
