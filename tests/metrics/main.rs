//! The metrics, as an exporter gives them and as Prometheus reads them.
#![cfg(all(feature = "metrics", feature = "session", feature = "tracing"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod counting;
mod names;
mod prometheus;
mod scrape;
#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../sessions/support.rs"]
mod support;
