//! Sessions that are bound to a key of the client by DPoP (RFC 9449), from outside: login, endpoints
//! and layer, with proofs that other code has signed.
#![cfg(all(feature = "dpop", feature = "session"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod answers;
mod attacks;
#[cfg(feature = "cookie")]
mod cookies;
mod endpoints;
mod freshness;
mod layers;
mod login;
#[cfg(feature = "axum")]
mod routers;
mod support;
mod thief;
mod urls;
mod vectors;
