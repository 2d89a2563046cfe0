//! What more than one suite of the tests needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::new_without_default,
    missing_docs,
    missing_debug_implementations,
    reason = "code of tests"
)]

pub mod careless;
pub mod client;
pub mod log;
#[cfg(unix)]
pub mod program;
#[cfg(unix)]
pub mod servers;
pub mod tokens;
pub mod tracked;
