//! Tokens in cookies, from outside: the endpoints and the layer as a browser meets them.
#![cfg(all(feature = "cookie", feature = "session"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

#[cfg(feature = "axum")]
mod axum_parts;
mod bodies;
mod built;
mod header;
mod layer;
mod login;
mod logout;
mod origins;
mod rows;
#[cfg(feature = "axum")]
mod served;
mod support;
mod taken_over;
mod with_browser;

use tests_shared as _;
