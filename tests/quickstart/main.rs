//! What somebody could do to the built `quickstart` from outside, and what it must stand; in part
//! also `hyper`.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod history;
mod restart;
mod stalled;

use serde_json::json;
use tests_shared::client::{Answer, Client, get, post};

fn credentials(username: &str, password: &str) -> String {
    json!({ "username": username, "password": password }).to_string()
}

/// Logs in and gives the access token.
async fn login(client: &Client, username: &str, password: &str) -> String {
    let call = post("/auth/login").json(credentials(username, password));
    client.send(call).await.tokens().access
}

async fn me(client: &Client, token: &str) -> Answer {
    client.send(get("/me").bearer(token)).await
}
