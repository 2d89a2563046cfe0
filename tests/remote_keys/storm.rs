//! Many tokens of unknown keys, over real connections.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tests_shared::issuer::{IssuerServer, KEYS, Signer};
use tokio::{net::TcpListener, task::JoinSet};
use tower_bearer::{Verifier, bearer::BearerLayer, testing::Answer};

use crate::support::{Http, discovered, http, until, verifier};

const CONNECTIONS: usize = 64;
const TOKENS: usize = 10_000;

/// An API of this verifier on loopback.
async fn api(tasks: &mut JoinSet<()>, verifier: Verifier) -> SocketAddr {
    let app = Router::new()
        .route("/", get(async || "hello"))
        .layer(BearerLayer::new(verifier));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

async fn call(http: &Http, api: SocketAddr, token: &str) -> u16 {
    let request = Request::get(format!("http://{api}/"))
        .header("authorization", format!("Bearer {token}"))
        .body(Full::<Bytes>::default());
    http.request(request.unwrap())
        .await
        .unwrap()
        .status()
        .as_u16()
}

/// 10 000 tokens of 64 unknown keys from 64 connections, each connection with a good token in between.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_make_one_fetch_in_a_cooldown() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let keys = discovered(&server).fetch().await.unwrap();
    let mut tasks = JoinSet::new();
    let api = api(&mut tasks, verifier(&server, &keys)).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let (before, began) = (server.asked(KEYS), Instant::now());
    let clients = (0..CONNECTIONS).map(|_| {
        let (unknown, good) = (Signer::new(&server.url()), good.token());
        tokio::spawn(async move {
            let (http, mut answers) = (http(), BTreeMap::new());
            for number in 0..TOKENS / CONNECTIONS {
                let answer = call(&http, api, &unknown.token()).await;
                *answers.entry(answer).or_insert(0) += 1;
                if number % 10 == 0 {
                    assert_eq!(call(&http, api, &good).await, 200);
                }
            }
            answers
        })
    });
    let mut answers = BTreeMap::new();
    for client in clients.collect::<Vec<_>>() {
        for (answer, count) in client.await.unwrap() {
            *answers.entry(answer).or_insert(0) += count;
        }
    }
    let (fetches, took) = (server.asked(KEYS) - before, began.elapsed());
    println!("{answers:?} in {took:?}, cool-down 1 s: {fetches} fetches");
    assert!(fetches >= 1);
    assert!(fetches <= 1 + took.as_secs() as usize);
    // A key of nobody is unknown (401) when a fetch began after its token was issued.
    assert!(
        answers.keys().all(|answer| [401, 503].contains(answer)),
        "{answers:?}"
    );
}

/// While a fetch hangs, requests of unknown keys wait, and good tokens pass as before. Nothing is said of
/// times: all good requests are answered while all others still wait.
#[tokio::test(flavor = "multi_thread")]
async fn good_tokens_do_not_wait_for_a_fetch_that_hangs() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let keys = discovered(&server)
        .timeout(Duration::from_secs(60))
        .wait_timeout(Duration::from_secs(60))
        .fetch()
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    let api = api(&mut tasks, verifier(&server, &keys)).await;
    let calm = latencies(api, &good).await;

    server.answer(KEYS, Answer::Never);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let mut waiting = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (token, answered) = (server.signer().token(), Arc::clone(&answered));
        waiting.spawn(async move {
            call(&http(), api, &token).await;
            answered.fetch_add(1, Ordering::Relaxed);
        });
    }
    until(|| server.asked(KEYS) == 2).await;
    let hanging = latencies(api, &good).await;
    assert_eq!(answered.load(Ordering::Relaxed), 0, "the others still wait");
    println!("p50, p99 of good tokens: {calm:?}; while a fetch hangs: {hanging:?}");
    assert_eq!(server.asked(KEYS), 2);
}

/// Median and 99th percentile of 2000 requests with good tokens, of which each tenth is new.
async fn latencies(api: SocketAddr, good: &Signer) -> [Duration; 2] {
    let (http, mut token, mut times) = (http(), good.token(), Vec::new());
    for number in 0..2000 {
        if number % 10 == 0 {
            token = good.token();
        }
        let began = Instant::now();
        assert_eq!(call(&http, api, &token).await, 200);
        times.push(began.elapsed());
    }
    times.sort();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}
