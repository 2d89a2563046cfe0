//! The table of faults: each is an error of its kind, keys of before are kept, and nothing that could be
//! served is refused.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;
use serde_json::json;
use tests_shared::issuer::{IssuerServer, KEYS, METADATA, Signer, key_set};
use tokio::net::TcpSocket;
use tower_bearer::{
    clock::Timestamp,
    remote::{RemoteKeys, RemoteKeysBuilder, RemoteKeysError, RemoteKeysErrorKind as Kind},
    testing::Answer,
};

use crate::support::{brief, discovered, http, kind, status, until, verifier};

const TOKENS: usize = 50;
/// So long that no fetch comes by itself while the tokens are tried, on a busy machine either.
const COOLDOWN: Duration = Duration::from_secs(20);

/// A fault of the address of the keys, what it is called, and how many requests one fetch makes of it.
fn faults(server: &IssuerServer) -> Vec<(&'static str, Answer, Kind, usize)> {
    let elsewhere = "http://elsewhere.invalid/keys".to_owned();
    let many =
        (0..10_000).map(|number| json!({ "kty": "oct", "k": "", "kid": number.to_string() }));
    let many = json!({ "keys": many.collect::<Vec<_>>() });
    let odd = json!({ "keys": [{ "kty": "oct", "k": "AAAA" }, { "kty": "RSA", "use": "enc" }, 7] });
    let huge = |told| Answer::Huge {
        bytes: 100_000_000,
        told,
    };
    vec![
        ("HTML", Answer::html(), Kind::NotJson, 1),
        ("404", Answer::status(404), Kind::Status, 1),
        ("500", Answer::status(500), Kind::Status, 1),
        ("204", Answer::status(204), Kind::Status, 1),
        (
            "a 304 that nobody asked for",
            Answer::status(304),
            Kind::Status,
            1,
        ),
        (
            "a redirect elsewhere",
            Answer::Redirect(elsewhere),
            Kind::Redirected,
            1,
        ),
        (
            "a loop",
            Answer::Redirect(server.jwks_uri()),
            Kind::Redirected,
            4,
        ),
        ("100 MB, as told", huge(true), Kind::TooLarge, 1),
        ("100 MB", huge(false), Kind::TooLarge, 1),
        ("one byte a second", Answer::Trickle, Kind::TimedOut, 1),
        ("never", Answer::Never, Kind::TimedOut, 1),
        (
            "a connection that breaks",
            Answer::Cut,
            Kind::Unreachable,
            1,
        ),
        (
            "an empty set",
            Answer::json(json!({ "keys": [] })),
            Kind::NoUsableKey,
            1,
        ),
        (
            "no key that can be used",
            Answer::json(odd),
            Kind::NoUsableKey,
            1,
        ),
        ("10 000 keys", Answer::json(many), Kind::TooManyKeys, 1),
        (
            "JSON, but no set",
            Answer::json(json!({ "key": [] })),
            Kind::NotAKeySet,
            1,
        ),
        ("an array", Answer::json(json!([])), Kind::NotAKeySet, 1),
        (
            "half a set",
            Answer::Text(200, "application/json", r#"{"keys":[{"#.to_owned()),
            Kind::NotJson,
            1,
        ),
    ]
}

/// A fetch that is to end by itself has a short time.
fn limited(server: &IssuerServer, expected: Kind) -> RemoteKeysBuilder {
    match expected {
        Kind::TimedOut => discovered(server).timeout(Duration::from_secs(3)),
        _ => discovered(server),
    }
}

/// The first fetch. Where it is to time out, its time passes once it has asked for the path.
async fn first(server: &IssuerServer, path: &str, expected: Kind) -> RemoteKeysError {
    let before = server.asked(path);
    let fetch = tokio::spawn(discovered(server).fetch());
    if expected == Kind::TimedOut {
        until(|| server.asked(path) > before).await;
        tokio::time::pause();
    }
    let result = fetch.await.unwrap();
    if expected == Kind::TimedOut {
        tokio::time::resume();
    }
    result.unwrap_err()
}

#[tokio::test]
async fn each_fault_is_told_at_the_first_fetch() {
    let server = IssuerServer::start().await;
    for (name, play, expected, requests) in faults(&server) {
        server.answer(KEYS, play);
        let before = server.asked(KEYS);
        let error = first(&server, KEYS, expected).await;
        assert_eq!(error.kind(), expected, "{name}: {error}");
        assert_eq!(server.asked(KEYS) - before, requests, "{name}");
        if expected != Kind::TimedOut {
            assert_eq!(error.address(), Some(&*server.jwks_uri()), "{name}");
        }
        if name == "500" {
            assert_eq!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
        }
    }
}

/// Keys were fetched once, and since then each fetch fails. Tokens of those keys pass, a token of a key
/// that is new gets a 503, one from before the fetch a 401, and all of them make one fetch.
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_keeps_the_keys_of_before() {
    let faults = faults(&IssuerServer::start().await).len();
    let rows = (0..faults).map(|row| tokio::spawn(keeps_keys(row)));
    let rows: Vec<_> = rows.collect();
    for row in rows {
        println!("{}", row.await.unwrap());
    }
}

async fn keeps_keys(row: usize) -> String {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let (name, play, expected, _) = faults(&server).swap_remove(row);
    let keys = limited(&server, expected)
        .cooldown(COOLDOWN)
        .start()
        .unwrap();
    until(|| keys.status().keys() == 1).await;
    let verifier = verifier(&server, &keys).without_cache();
    let old = Signer::new(&server.url());
    let before = Timestamp::from_secs(1_000);
    server.answer(KEYS, play);
    let fetches = keys.status().fetches();
    let new = server.signer();
    let mut answers = BTreeMap::new();
    for _ in 0..TOKENS {
        *answers
            .entry(status(&verifier, &good.token()).await)
            .or_insert(0) += 1;
        assert_eq!(
            status(&verifier, &old.token_of(before)).await,
            401,
            "{name}"
        );
    }
    let waiting = (0..TOKENS).map(|_| {
        let (verifier, token) = (verifier.clone(), new.token());
        tokio::spawn(async move { status(&verifier, &token).await })
    });
    let waiting: Vec<_> = waiting.collect();
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), 503, "{name}");
    }
    assert_eq!(answers, [(200, TOKENS)].into(), "{name}");
    assert_eq!(keys.status().fetches() - fetches, 1, "{name}");
    let state = keys.status();
    assert_eq!(state.last_error().unwrap().kind(), expected, "{name}");
    assert_eq!((state.keys(), state.failures()), (1, 1), "{name}");

    // The issuer is well again.
    server.publish(&[&good, &new]);
    until(|| keys.status().keys() == 2).await;
    assert_eq!(status(&verifier, &new.token()).await, 200, "{name}");
    assert!(keys.status().last_error().is_none(), "{name}");
    let kind = format!("{expected:?}");
    format!("{name:28} {kind:12} {TOKENS} good tokens: 200; {TOKENS} of a new key: 503; 1 fetch")
}

#[tokio::test]
async fn faults_of_the_metadata_are_told_too() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let wrong = json!({ "issuer": "https://evil.example", "jwks_uri": server.jwks_uri() });
    let elsewhere = Answer::Redirect("http://elsewhere.invalid".to_owned());
    for (play, expected) in [
        (Answer::json(wrong), Kind::WrongIssuer),
        (Answer::html(), Kind::NotJson),
        (Answer::status(404), Kind::Status),
        (Answer::status(500), Kind::Status),
        (Answer::status(429), Kind::Status),
        (elsewhere, Kind::Redirected),
        (
            Answer::Huge {
                bytes: 100_000_000,
                told: false,
            },
            Kind::TooLarge,
        ),
        (Answer::Trickle, Kind::TimedOut),
        (Answer::Never, Kind::TimedOut),
        (Answer::Cut, Kind::Unreachable),
        (
            Answer::json(json!({ "issuer": server.url() })),
            Kind::Metadata,
        ),
        (
            Answer::json(json!({ "issuer": server.url(), "jwks_uri": "keys" })),
            Kind::Metadata,
        ),
    ] {
        let shown = format!("{play:?}");
        server.answer(METADATA, play);
        let error = first(&server, METADATA, expected).await;
        assert_eq!(error.kind(), expected, "{shown}");
    }
    assert_eq!(
        server.asked(KEYS),
        0,
        "without metadata no keys are asked for"
    );
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_unreachable() {
    // The port is taken, and nobody listens there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let keys = brief(RemoteKeys::discover(address, http())).fetch().await;
    assert_eq!(kind(keys), Kind::Unreachable);
}

/// Addresses that only a mistake, or somebody in between, can have led to.
#[tokio::test]
async fn metadata_of_an_issuer_with_tls_leads_to_no_address_without() {
    let body = json!({ "issuer": "https://id.example", "jwks_uri": "http://id.example/keys" });
    let http = tower::service_fn(move |_: http::Request<bytes::Bytes>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(
            body.to_string(),
        )))
    });
    let keys = RemoteKeys::discover("https://id.example", http)
        .fetch()
        .await;
    assert_eq!(kind(keys), Kind::InsecureAddress);
}

#[tokio::test]
async fn one_odd_key_does_not_spoil_a_set() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    let mut set = key_set(&[&good]);
    let keys = set["keys"].as_array_mut().unwrap();
    keys.insert(0, json!({ "kty": "XYZ", "kid": "1" }));
    keys.push(json!({ "kty": "oct", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZWNyZXQ" }));
    keys.push(json!("key"));
    server.answer(KEYS, Answer::json(set));
    let keys = discovered(&server).fetch().await.unwrap();
    let state = keys.status();
    assert_eq!(
        (state.keys(), state.skipped().len()),
        (1, 3),
        "{:?}",
        state.skipped()
    );
    assert_eq!(status(&verifier(&server, &keys), &good.token()).await, 200);
}
