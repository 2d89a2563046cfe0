//! What is left when the store's server fails: every session, one line of tokens each, and
//! every logout. On real servers that this test starts.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod application;
mod cases;
mod clients;
mod failovers;
mod mysql;
mod postgres;
mod redis;
mod shards;
