//! Device Bound Session Credentials from outside: the endpoints as a browser meets them, with proofs
//! that are signed by code of its own.
#![cfg(feature = "dbsc")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod built;
mod device;
mod first;
mod hostile;
#[cfg(feature = "dpop")]
mod kinds;
mod login;
mod lost;
mod refresh;
mod registration;
mod routes;
mod world;
