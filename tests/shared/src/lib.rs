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
pub mod issuer;
pub mod log;
pub mod picking;
#[cfg(unix)]
pub mod program;
pub mod proofs;
mod provider;
#[cfg(unix)]
pub mod servers;
pub mod tokens;
pub mod tracked;

use std::{env, fs::File, io::Write};

/// Says that a test cannot run here, which is an error where `CI` is set. `scripts/test` counts
/// the lines of the file that it names.
#[track_caller]
pub fn skipped(why: &str) {
    assert!(env::var_os("CI").is_none(), "it cannot run here: {why}");
    eprintln!("SKIPPED: {why}");
    if let Some(file) = env::var_os("TOWER_BEARER_SKIPPED") {
        let file = File::options().create(true).append(true).open(file);
        writeln!(file.expect("writable"), "{why}").expect("writable");
    }
}
