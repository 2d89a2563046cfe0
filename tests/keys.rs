//! Keys and key sets through the public API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

#[path = "keys/formats.rs"]
mod formats;
#[path = "keys/sets.rs"]
mod sets;
#[path = "keys/support.rs"]
mod support;
