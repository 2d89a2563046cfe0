//! What is logged of introspections, and that it holds no token and no secret.
#![cfg(all(feature = "remote", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tests_shared::log::Log;
use tower::service_fn;
use tower_bearer::{
    Verifier,
    introspection::{ClientAuthentication, Introspection},
};

const TOKEN: &str = "opaque-token-of-alice";
const SECRET: &str = "hunter2-hunter2";

/// The clock stands still but for what the test lets pass.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once_in_ten_seconds_and_nothing_secret() {
    let log = Log::listen();
    let status = Arc::new(AtomicU16::new(200));
    let answered = Arc::clone(&status);
    let http = service_fn(move |_: Request<Full<Bytes>>| {
        let status = StatusCode::from_u16(answered.load(Ordering::Relaxed)).unwrap();
        async move {
            let mut response = Response::new(Full::<Bytes>::from(r#"{"active":false}"#));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    });
    let client = ClientAuthentication::basic("api", SECRET);
    let endpoint = format!("https://id.example/introspect?key={SECRET}");
    let builder = Introspection::new(endpoint, client, http);
    let builder = builder
        .issuer("https://id.example")
        .audience("https://api.example");
    let verifier = Verifier::introspecting(builder.negative_for(Duration::ZERO).build().unwrap());
    let lines = async |next: u16| {
        status.store(next, Ordering::Relaxed);
        assert!(verifier.authenticate(TOKEN).await.is_err());
        let lines = log.take();
        assert!(!lines.contains(TOKEN) && !lines.contains(SECRET), "{lines}");
        let count = |level: &str| lines.lines().filter(|line| line.contains(level)).count();
        let told = (count(" ERROR "), count(" WARN "));
        (told, lines)
    };

    let (told, _) = lines(200).await;
    assert_eq!(told, (0, 0), "an inactive token is nothing special");
    for status in [401, 403] {
        let (told, line) = lines(status).await;
        let expected = if status == 401 { (1, 0) } else { (0, 0) };
        assert_eq!(told, expected, "{line}");
        let why = "refuses this API's own credentials";
        assert!(
            line.contains(why) && line.contains(&status.to_string()),
            "{line}"
        );
    }
    let (told, line) = lines(500).await;
    assert_eq!(told, (0, 1), "another failure is news: {line}");
    assert!(line.contains("https://id.example/introspect"), "{line}");
    for status in [500, 401, 500, 403] {
        let (told, line) = lines(status).await;
        assert_eq!(told, (0, 0), "in turns they are no news: {line}");
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    let (told, line) = lines(503).await;
    assert_eq!(told, (0, 1), "{line}");
}
