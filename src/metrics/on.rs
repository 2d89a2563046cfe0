use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use super::{Label, Metric, Unit};

impl From<Unit> for metrics::Unit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Count => Self::Count,
            Unit::Seconds => Self::Seconds,
            Unit::Bytes => Self::Bytes,
        }
    }
}

fn labels(labels: &[Label]) -> Vec<metrics::Label> {
    let given = labels.iter().filter(|(_, value)| !value.is_empty());
    given
        .map(|(name, value)| metrics::Label::from_static_parts(name, value))
        .collect()
}

#[derive(Clone, Debug)]
pub(crate) struct Counter(metrics::Counter);

impl Counter {
    pub(crate) fn new(metric: &Metric, with: &[Label]) -> Self {
        metrics::describe_counter!(metric.name, metric.unit.into(), metric.help);
        Self(metrics::counter!(metric.name, labels(with)))
    }

    #[inline]
    pub(crate) fn add_one(&self) {
        self.0.increment(1);
    }
}

/// The counters of a metric by two labels. All are there from the start: an alert on a rise from nothing to one
/// needs the nothing.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    metric: &'static Metric,
    names: [&'static str; 2],
    known: Arc<[([&'static str; 2], Counter)]>,
}

impl Counters {
    pub(crate) fn new(
        metric: &'static Metric,
        names: [&'static str; 2],
        values: impl Iterator<Item = [&'static str; 2]>,
    ) -> Self {
        let known = values.map(|values| (values, Self::one(metric, names, values)));
        Self {
            metric,
            names,
            known: known.collect(),
        }
    }

    pub(crate) fn add_one(&self, values: [&'static str; 2]) {
        match self.known.iter().find(|(known, _)| *known == values) {
            Some((_, counter)) => counter.add_one(),
            None => Self::one(self.metric, self.names, values).add_one(),
        }
    }

    fn one(metric: &Metric, names: [&'static str; 2], values: [&'static str; 2]) -> Counter {
        let ([first, second], [one, two]) = (names, values);
        Counter::new(metric, &[(first, one), (second, two)])
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Gauge(metrics::Gauge);

impl Gauge {
    pub(crate) fn new(metric: &Metric) -> Self {
        metrics::describe_gauge!(metric.name, metric.unit.into(), metric.help);
        Self(metrics::gauge!(metric.name))
    }

    pub(crate) fn set(&self, value: f64) {
        self.0.set(value);
    }

    /// Sets it to this time, in seconds since 1970.
    pub(crate) fn set_to(&self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        self.set(since.unwrap_or(Duration::ZERO).as_secs_f64());
    }
}

/// What one of several has added to a gauge, which is their sum. It takes that back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    gauge: Gauge,
    added: AtomicI64,
}

impl Share {
    pub(crate) fn new(metric: &Metric) -> Self {
        Self {
            gauge: Gauge::new(metric),
            added: AtomicI64::new(0),
        }
    }

    pub(crate) fn change(&self, before: usize, after: usize) {
        let by = after as i64 - before as i64;
        if by != 0 {
            self.added.fetch_add(by, Ordering::Relaxed);
            self.gauge.0.increment(by as f64);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.gauge.0.decrement(*self.added.get_mut() as f64);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Histogram(metrics::Histogram);

impl Histogram {
    pub(crate) fn new(metric: &Metric, with: &[Label]) -> Self {
        metrics::describe_histogram!(metric.name, metric.unit.into(), metric.help);
        Self::described(metric, with)
    }

    /// Of a metric that was described by [`new`](Self::new) before.
    pub(crate) fn described(metric: &Metric, with: &[Label]) -> Self {
        Self(metrics::histogram!(metric.name, labels(with)))
    }

    pub(crate) fn record(&self, took: Duration) {
        self.0.record(took.as_secs_f64());
    }
}

pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
