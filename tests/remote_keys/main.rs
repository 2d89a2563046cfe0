//! Keys that are fetched from an issuer: a real HTTP server that has every fault, and injected time.

#![cfg(feature = "remote")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

mod caching;
mod discovery;
mod faults;
mod first;
mod lifecycle;
mod race;
mod rotation;
mod settings;
mod staged;
mod storm;
mod support;
#[cfg(feature = "http-client")]
mod tls;
