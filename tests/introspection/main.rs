//! Tokens that the authorization server is asked about, over a real server on the loopback interface.
#![cfg(all(feature = "remote", feature = "dpop", feature = "session"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod answers;
mod asked;
mod beside;
mod built;
mod failures;
mod flights;
mod flood;
mod own_endpoint;
mod remembered;
mod signed;
mod support;
