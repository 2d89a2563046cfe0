//! What a verifier remembers of the tokens that it has accepted, through the public API: it never
//! outlives what made the token good.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

mod bounds;
mod faked;
mod keys;
mod race;
mod requests;
mod spelling;
mod support;
mod times;
