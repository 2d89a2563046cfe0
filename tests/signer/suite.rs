//! Access tokens that are signed by a key elsewhere: a double that fails in each way, SoftHSM by PKCS#11, and doubles
//! of services.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for production code"
)]

mod kms;
mod pkcs11;
mod rates;
mod refused;
mod sessions;
mod support;
mod vault;
