use std::time::{Duration, SystemTime};

use super::{Label, Metric};

#[derive(Clone, Debug)]
pub(crate) struct Counter;

impl Counter {
    pub(crate) fn new(_metric: &Metric, _with: &[Label]) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn add_one(&self) {}
}

#[derive(Clone, Debug)]
pub(crate) struct Counters;

impl Counters {
    pub(crate) fn new(
        _metric: &'static Metric,
        _names: [&'static str; 2],
        _values: impl Iterator<Item = [&'static str; 2]>,
    ) -> Self {
        Self
    }

    pub(crate) fn add_one(&self, _values: [&'static str; 2]) {}
}

#[derive(Clone, Debug)]
pub(crate) struct Gauge;

impl Gauge {
    pub(crate) fn new(_metric: &Metric) -> Self {
        Self
    }

    pub(crate) fn set(&self, _value: f64) {}

    pub(crate) fn set_to(&self, _time: SystemTime) {}
}

#[derive(Debug)]
pub(crate) struct Share;

impl Share {
    pub(crate) fn new(_metric: &Metric) -> Self {
        Self
    }

    pub(crate) fn change(&self, _before: usize, _after: usize) {}
}

#[derive(Clone, Debug)]
pub(crate) struct Histogram;

impl Histogram {
    pub(crate) fn new(_metric: &Metric, _with: &[Label]) -> Self {
        Self
    }

    pub(crate) fn described(_metric: &Metric, _with: &[Label]) -> Self {
        Self
    }

    pub(crate) fn record(&self, _took: Duration) {}
}

pub(crate) struct Stopwatch;

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
