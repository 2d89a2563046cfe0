//! How much of something is allowed.

use std::{hash::Hash, str::FromStr, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// So many at once, and then one in each period.
#[derive(Clone, Copy)]
pub(crate) struct Limit(Quota);

impl FromStr for Limit {
    type Err = &'static str;

    /// Reads `10/6000`: ten at once, and then one every 6000 ms.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (burst, period) = text.split_once('/')?;
            let period = Duration::from_millis(period.parse().ok()?);
            let quota = Quota::with_period(period)?;
            Some(Self(quota.allow_burst(burst.parse().ok()?)))
        };
        read().ok_or("write a limit as 10/6000: ten requests at once, and then one every 6000 ms")
    }
}

impl Limit {
    /// A count for each key.
    pub(crate) fn keyed<K: Clone + Eq + Hash>(self) -> DefaultKeyedRateLimiter<K> {
        RateLimiter::keyed(self.0)
    }

    pub(crate) fn burst(self) -> u32 {
        self.0.burst_size().get()
    }

    pub(crate) fn period(self) -> Duration {
        self.0.replenish_interval()
    }
}
