//! Programs that sign or verify with the crate jsonwebtoken, on the other side of the wire: each reads
//! the other's tokens, keys and key sets. What passes there and is refused here is what the page of the
//! manual for those who come from there says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod keys;
mod refused;
mod support;
mod taken_over;
mod tokens;

use tests_shared as _;
