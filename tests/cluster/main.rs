//! Several example servers on one database.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../contract/client.rs"]
#[expect(dead_code, reason = "the contract's walk uses the rest")]
mod client;
mod overload;
#[path = "../contract/server.rs"]
#[expect(dead_code, reason = "the contract's walk uses the rest")]
mod server;
#[path = "../servers/mod.rs"]
mod servers;
mod three;
mod wrong_clock;
