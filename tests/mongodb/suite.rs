//! MongoDB: the contract of `SessionStore` and what is this store's own, what is left when its server
//! fails, and several example servers on one.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cluster;
mod faults;
mod server;
mod stores;
