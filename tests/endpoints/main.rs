//! The endpoints from outside, as the contract's tables have it: token, revocation, introspection,
//! key set and metadata, over real sessions.
#![cfg(feature = "session")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod addresses;
mod bodies;
mod clients;
mod confidential;
mod context;
mod documents;
mod introspection;
mod introspection_callers;
mod introspection_signed;
mod late;
mod layered;
mod locked;
mod resources;
mod revocation;
mod routes;
mod support;
mod token;
mod undecided;
