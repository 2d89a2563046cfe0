//! What is left when the store's server fails: every session, one line of tokens each, and
//! every logout. On real servers that this test starts.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod application;
mod cases;
mod clients;
mod failovers;
mod mongodb;
mod mysql;
mod postgres;
mod redis;
mod shards;

/// Each case that every kind of server can meet.
macro_rules! faults_on {
    ($backend:ty: $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::cases::$case::<$backend>().await;
            }
        )+
    };
    ($backend:ty) => {
        crate::faults_on! {
            $backend: killed cut_mid_statement slow_then_silent restored failed_over
        }
    };
}

use faults_on;
