//! Tower's layers around a session store.
#![cfg(feature = "session")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod cancelled;
mod errors;
mod gate;
mod readiness;
mod retries;
mod shed;
mod support;
mod timeouts;

use tests_shared as _;
