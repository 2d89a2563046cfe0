#!/usr/bin/env bash
# tower_governor 0.8.0 (crates.io): `Retry-After` is cut to whole seconds and not rounded up. Where the wait is shorter
# than a second, as with its default of one request each 500 ms, it says 0, and whoever obeys is refused again.
#
# Expected: who waits for as long as Retry-After says is served (RFC 9110 section 10.2.3: "how long the user agent ought
# to wait before making a follow-up request"), as the request is the only one.
# Seen on 2026-11-30:
#   one each 500 ms: 429, retry-after 0; after 0 s: 429
#   one each 1900 ms: 429, retry-after 1; after 1 s: 429
# Rests on it: examples/limits/answer.rs, src/manual/limits.md
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
axum = { version = "0.8", default-features = false }
tokio = { version = "1", features = ["macros", "rt", "time"] }
tower = { version = "0.5", features = ["util"] }
tower_governor = { version = "=0.8.0", default-features = false, features = ["axum"] }
TOML
cat >src/main.rs <<'RUST'
use std::time::Duration;

use axum::{body::Body, extract::Request, routing::get, Router};
use tower::ServiceExt;
use tower_governor::{governor::GovernorConfigBuilder, key_extractor::GlobalKeyExtractor, GovernorLayer};

async fn ask(app: &Router) -> (u16, Option<u64>) {
    let answer = app.clone().oneshot(Request::new(Body::empty())).await.unwrap();
    let told = answer.headers().get("retry-after");
    (answer.status().as_u16(), told.map(|told| told.to_str().unwrap().parse().unwrap()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for period in [500, 1900] {
        let mut config = GovernorConfigBuilder::default().key_extractor(GlobalKeyExtractor);
        let config = config.period(Duration::from_millis(period)).burst_size(1).finish().unwrap();
        let app = Router::new().route("/", get(|| async {})).layer(GovernorLayer::new(config));
        assert_eq!(ask(&app).await.0, 200);
        let (status, told) = ask(&app).await;
        let told = told.unwrap();
        tokio::time::sleep(Duration::from_secs(told)).await;
        let (after, _) = ask(&app).await;
        println!("one each {period} ms: {status}, retry-after {told}; after {told} s: {after}");
    }
}
RUST

seen=$(cargo run --quiet)
echo "$seen"
expected="one each 500 ms: 429, retry-after 0; after 0 s: 429
one each 1900 ms: 429, retry-after 1; after 1 s: 429"
[ "$seen" = "$expected" ] || {
  echo "it is different now"
  exit 1
}
