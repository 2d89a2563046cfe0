//! Attacks and published examples against a verifier, through the public API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

#[path = "vectors/attacks.rs"]
mod attacks;
#[path = "vectors/bearer.rs"]
mod bearer;
#[path = "vectors/configuration.rs"]
mod configuration;
#[path = "vectors/folder.rs"]
mod folder;
#[path = "vectors/fuzzed.rs"]
mod fuzzed;
#[path = "vectors/material.rs"]
mod material;
#[path = "vectors/recipe.rs"]
mod recipe;
