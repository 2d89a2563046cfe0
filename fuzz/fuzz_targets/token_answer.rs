//! Any answer of a token endpoint to a refresh: the client does not fail by it, and a refresh token
//! that serde_json reads in an answer of success is the one that it keeps.
#![no_main]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, header};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use tower_bearer_client::{ClientSession, MemoryTokenStore, NewTokens, TokenStore};
use tower_bearer_fuzz::block_on_in_no_time;

const TYPES: [&str; 4] = [
    "application/json",
    "application/json; charset=utf-8",
    "text/html",
    "application/x-www-form-urlencoded",
];

fuzz_target!(|input: (u16, u8, Vec<u8>)| {
    let (status, kind, body) = input;
    let status = 200 + status % 400;
    let kept = block_on_in_no_time(refreshed_by(status, kind, body.clone()));
    if (200..300).contains(&status)
        && let Ok(members) = serde_json::from_slice::<Map<String, Value>>(&body)
        && let Some(Value::String(token)) = members.get("refresh_token")
        && !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_graphic())
    {
        assert_eq!(kept.as_deref(), Some(&**token), "it is lost");
    }
});

/// The refresh token that a client keeps after a refresh with this answer.
async fn refreshed_by(status: u16, kind: u8, body: Vec<u8>) -> Option<String> {
    let (store, asked) = (MemoryTokenStore::new(), Arc::new(AtomicBool::new(false)));
    let http = tower::service_fn(move |_: Request<Bytes>| {
        // The first answer is the one that is tried. Whoever asks again is told to wait.
        let (status, body) = match asked.swap(true, Ordering::Relaxed) {
            false => (status, body.clone()),
            true => (503, Vec::new()),
        };
        let response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, TYPES[usize::from(kind) % TYPES.len()])
            .body(http_body_util::Full::new(Bytes::from(body)))
            .expect("a response");
        async { Ok::<_, Infallible>(response) }
    });
    let session = ClientSession::builder("https://id.example/token", http)
        .store(store.clone())
        .build()
        .expect("a session");
    let login = NewTokens::from_refresh_token("first");
    session.sign_in(login).await.expect("a login");
    let _ = session.access_token().await;
    let kept = store.load().await.expect("a store in memory")?;
    let kept = serde_json::to_value(&kept).expect("JSON");
    kept["refresh_token"].as_str().map(str::to_owned)
}
