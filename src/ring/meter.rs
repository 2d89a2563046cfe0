use std::time::SystemTime;

use crate::metrics::{Gauge, Metric, Unit};

static LAST_READ: Metric = Metric {
    name: "tower_bearer.key_ring.last_read_time",
    unit: Unit::Seconds,
    help: "When the key ring was last read and kept up, in seconds since 1970",
};

/// A time and not an age: an age would stand still when nobody reads any more.
pub(super) struct Meter(Gauge);

impl Meter {
    pub(super) fn new() -> Self {
        Self(Gauge::new(&LAST_READ))
    }

    pub(super) fn has_read(&self) {
        self.0.set_to(SystemTime::now());
    }
}
