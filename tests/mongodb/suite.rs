//! MongoDB: the contract of `SessionStore` and what is this store's own, what is left when its server
//! fails, several example servers on one, and users who move here from a program that keeps its tokens in one.
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
mod takeover;
#[path = "../testing/turned.rs"]
mod turned;
