//! Several example servers on one database.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod overload;
mod rolling;
mod run;
mod three;
mod wrong_clock;
