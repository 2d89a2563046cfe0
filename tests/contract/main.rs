//! Walks the whole HTTP contract from outside, over the built example servers.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod config;
mod dpop;
mod introspection;
mod lifecycle;
mod login;
mod open;
mod pasted;
mod protected;
mod revocation;
mod sessions;
mod site;
mod token;

use tests_shared::client::jose;

/// The same walk for every server, store and kind of key.
async fn walk(example: &str, store: &str, algorithm: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    // Repeats must fall into the window even where the machine is slow.
    let env = [
        ("STORE", store),
        ("ACCESS_ALG", algorithm),
        ("REUSE_WINDOW", "60"),
    ];
    let site = site::Site::start(example, folder.path(), &env);
    assert_eq!(jose(&site.alice().await.access)["alg"], algorithm);
    login::walk(&site).await;
    protected::walk(&site).await;
    token::walk(&site).await;
    revocation::walk(&site).await;
    introspection::closed(&site).await;
    sessions::walk(&site).await;
    open::walk(&site).await;
    site.server.stop();
}

macro_rules! examples {
    ($($example:ident)*) => {$(
        mod $example {
            use super::*;

            const NAME: &str = stringify!($example);

            #[tokio::test]
            async fn memory_eddsa() {
                walk(NAME, "memory", "EdDSA").await;
            }

            #[tokio::test]
            async fn memory_hs256() {
                walk(NAME, "memory", "HS256").await;
            }

            #[tokio::test]
            async fn memory_es256() {
                walk(NAME, "memory", "ES256").await;
            }

            #[tokio::test]
            async fn sqlite_eddsa() {
                walk(NAME, "sqlite:walk.db", "EdDSA").await;
            }

            #[tokio::test]
            async fn sqlite_hs256() {
                walk(NAME, "sqlite:walk.db", "HS256").await;
            }

            #[tokio::test]
            async fn sqlite_es256() {
                walk(NAME, "sqlite://walk.db", "ES256").await;
            }

            #[tokio::test]
            async fn access_tokens_expire() {
                lifecycle::access_tokens_expire(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn sessions_expire() {
                lifecycle::sessions_expire(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn reuse_is_seen() {
                lifecycle::reuse_is_seen(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn older_is_reuse() {
                lifecycle::older_is_reuse(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn restarts() {
                lifecycle::restarts(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn twins() {
                lifecycle::twins(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn dpop_accepted() {
                dpop::accepted(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn dpop_required() {
                dpop::required(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn dpop_off() {
                dpop::off(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn dpop_at_a_public_origin() {
                dpop::at_a_public_origin(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn introspection() {
                introspection::open(NAME, folder().path()).await;
            }

            #[tokio::test]
            async fn signals() {
                lifecycle::signals(NAME, folder().path()).await;
            }

            #[test]
            fn bad_settings() {
                config::walk(NAME, folder().path());
            }

            #[test]
            fn address_taken() {
                config::taken(NAME, folder().path());
            }

            #[test]
            fn named_secrets() {
                config::named(NAME, folder().path());
            }

            #[test]
            fn printed_commands() {
                pasted::walk(NAME, folder().path());
            }
        }
    )*};
}

examples! { quickstart hyper }

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
