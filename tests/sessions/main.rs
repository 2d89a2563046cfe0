//! `Sessions` through its public API, on real stores with an injected clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod actor;
mod adopt;
mod adopted_orders;
mod attributes;
mod bound;
mod build;
mod confirm;
mod context;
mod dropped;
mod ending;
mod events;
mod feed;
mod flusher;
mod hooks;
mod hung_up;
mod interleavings;
mod last_seen;
mod lifetimes;
mod limits;
mod lines;
mod listing;
mod listing_all;
mod maximum;
#[cfg(feature = "aws-lc-rs")]
mod ml_dsa;
mod old_store;
mod outdated;
mod over;
mod owners;
mod reauthentication;
mod refresh;
mod resources;
mod restart;
mod schedule;
mod scopes;
mod stage;
mod stepping;
mod support;
mod theft;
