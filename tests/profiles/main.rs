//! The shapes of the access tokens of many providers, by their documents and as their servers sent them,
//! made here with keys of our own; and what must not pass for one.
#![cfg(feature = "_jws")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod captured;
mod hosted;
mod issuers;
mod odd;
mod own;
mod reading;
#[cfg(feature = "session")]
mod sessions;
mod shape;
mod tenants;
