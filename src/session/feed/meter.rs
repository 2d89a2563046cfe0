use std::time::SystemTime;

use tokio::time::Instant;

use super::FeedStatus;
use crate::metrics::{Gauge, Metric, Unit};

static LAST_READ: Metric = Metric {
    name: "tower_bearer.feed.last_read_time",
    unit: Unit::Seconds,
    help: "When the last read of ended sessions that succeeded has begun, in seconds since 1970",
};
static BEHIND: Metric = Metric {
    name: "tower_bearer.feed.behind",
    unit: Unit::Count,
    help: "1 while ends of sessions elsewhere may not be known here, and else 0",
};

/// A time and not an age: an age would stand still when nobody reads any more.
#[derive(Debug)]
pub(super) struct Meter {
    last_read: Gauge,
    behind: Gauge,
}

impl Meter {
    pub(super) fn new() -> Self {
        let meter = Self {
            last_read: Gauge::new(&LAST_READ),
            behind: Gauge::new(&BEHIND),
        };
        meter.is(FeedStatus::Starting);
        meter
    }

    pub(super) fn has_read(&self, began: Instant) {
        self.last_read.set_to(SystemTime::now() - began.elapsed());
    }

    pub(super) fn is(&self, status: FeedStatus) {
        self.behind.set(match status {
            FeedStatus::Current => 0.0,
            FeedStatus::Starting | FeedStatus::Behind => 1.0,
        });
    }
}
