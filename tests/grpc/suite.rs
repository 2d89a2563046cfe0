//! gRPC: what real clients understand of a refusal, and the client layer over tonic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod clients;
mod form;
mod refresh;
mod server;
mod streams;
