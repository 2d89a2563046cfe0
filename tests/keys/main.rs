//! Keys and key sets through the public API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

mod alike;
mod formats;
#[cfg(feature = "aws-lc-rs")]
mod ml_dsa;
#[cfg(feature = "rust-crypto")]
mod ml_dsa_missing;
mod odd;
#[cfg(all(feature = "aws-lc-rs", feature = "rust-crypto"))]
mod providers;
mod published;
mod sets;
mod support;
mod twins;
mod whole;

use tests_shared as _;
