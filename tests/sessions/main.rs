//! `Sessions` through its public API, on real stores with an injected clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod build;
mod confirm;
mod ending;
mod hooks;
mod hung_up;
mod races;
mod refresh;
mod support;
mod theft;
