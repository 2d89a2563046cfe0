//! Key rings: servers that share one, each with its own view of the store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

mod bad;
mod clocks;
#[cfg(feature = "dbsc")]
mod devices;
mod lease;
mod rolls;
mod sessions;
mod shared;
mod simulation;
mod stored;
mod support;

use tests_shared as _;
