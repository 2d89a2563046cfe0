//! Counters, gauges and histograms of the crate `metrics`, or empty ones without that feature, so that callers
//! need no `cfg`.
//!
//! A handle is looked up once, by whoever makes what it measures, and kept: a request only adds to a number.
//! What it reports to is the recorder that was installed then.
#![cfg_attr(
    not(all(feature = "session", feature = "_jws")),
    allow(
        dead_code,
        unused_imports,
        reason = "which of them are used depends on features"
    )
)]

#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::{Counter, Counters, Gauge, Histogram, Share, Stopwatch};
#[cfg(feature = "metrics")]
pub(crate) use on::{Counter, Counters, Gauge, Histogram, Share, Stopwatch};

/// What is measured: its name and what it counts. Names follow the conventions of OpenTelemetry.
#[cfg_attr(not(feature = "metrics"), allow(dead_code))]
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) help: &'static str,
}

#[cfg_attr(not(feature = "metrics"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Count,
    Seconds,
    Bytes,
}

/// What tells the series of a metric from each other: a name and one of few values. One that is empty is left
/// out.
pub(crate) type Label = (&'static str, &'static str);
