//! What is logged of keys that are fetched. In a process of its own: `tracing` remembers who listens, per
//! process.
#![cfg(all(feature = "remote", feature = "tracing"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tests_shared::{
    issuer::{Signer, key_set},
    log::Log,
};
use tokio::time::sleep;
use tower::service_fn;
use tower_bearer::remote::{RemoteKeys, Stale};

const ADDRESS: &str = "https://id.example/keys";

#[tokio::test(start_paused = true)]
async fn failures_and_skipped_keys_are_logged() {
    let log = Log::listen();
    let good = key_set(&[&Signer::new("https://id.example")]);
    let answer = Arc::new(Mutex::new((200, good.to_string())));
    let played = Arc::clone(&answer);
    let http = service_fn(move |_: Request<Bytes>| {
        let (status, body) = played.lock().unwrap().clone();
        let answer = Response::builder().status(status);
        ready(Ok::<_, Infallible>(
            answer.body(Full::<Bytes>::from(body)).unwrap(),
        ))
    });
    let play = |status: u16, body: &Value| *answer.lock().unwrap() = (status, body.to_string());
    let hour = || sleep(Duration::from_secs(3600));

    let keys = RemoteKeys::at(ADDRESS, http)
        .stale_if_error(Stale::Never)
        .fetch()
        .await
        .unwrap();
    let written = log.take();
    told(
        &written,
        "DEBUG",
        "the keys were fetched",
        &["keys=1", "skipped=0", &format!("jwks_uri=\"{ADDRESS}\"")],
    );

    assert!(!written.contains("issuer="), "{written}");

    let mut odd = good.clone();
    odd["keys"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB" }));
    play(200, &odd);
    hour().await;
    let written = log.take();
    told(
        &written,
        "WARN",
        "keys of a JWK Set were left out",
        &[ADDRESS, "used=1"],
    );
    assert_eq!(keys.status().skipped().len(), 1);
    hour().await;
    let written = log.take();
    told(&written, "DEBUG", "the keys were fetched", &["skipped=1"]);
    assert!(!written.contains("left out"), "it is told once: {written}");

    play(500, &odd);
    hour().await;
    let written = log.take();
    let fields = [ADDRESS, "500 Internal Server Error", "failures=1", "keys=1"];
    told(&written, "WARN", "the keys could not be fetched", &fields);
    told(
        &written,
        "ERROR",
        "the keys are too old to be used",
        &[ADDRESS],
    );
}

#[track_caller]
fn told(written: &str, level: &str, line: &str, fields: &[&str]) {
    let is_it = |text: &&str| {
        let parts = [level, line].into_iter().chain(fields.iter().copied());
        parts.into_iter().all(|part| text.contains(part))
    };
    assert!(
        written.lines().any(|text| is_it(&text)),
        "{level} {line} {fields:?}: {written}"
    );
}
