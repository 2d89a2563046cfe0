//! `Sessions` through its public API, on real stores with an injected clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod adopt;
mod adopted_orders;
mod bound;
mod build;
mod confirm;
mod dropped;
mod ending;
mod events;
mod feed;
mod flusher;
mod hooks;
mod hung_up;
mod interleavings;
mod lifetimes;
mod limits;
mod listing;
mod listing_all;
mod maximum;
mod old_store;
mod over;
mod owners;
mod refresh;
mod resources;
mod restart;
mod schedule;
mod scopes;
mod stage;
mod stepping;
mod support;
mod theft;
