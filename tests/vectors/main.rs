//! Attacks and published examples against a verifier, through the public API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

mod attacks;
mod bearer;
mod configuration;
mod folder;
mod fuzzed;
mod material;
mod recipe;
