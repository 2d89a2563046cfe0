//! `kill -9` of SQLite servers under load loses no session.
#![cfg(all(feature = "axum", feature = "sqlite", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "contract/client.rs"]
#[expect(dead_code, reason = "the contract's walk uses the rest")]
mod client;
#[path = "kill/pair.rs"]
mod pair;
#[path = "contract/server.rs"]
#[expect(dead_code, reason = "the contract's walk uses the rest")]
mod server;
#[path = "kill/walker.rs"]
mod walker;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use client::{Answer, Call, Client, Tokens, get, post};
use server::Server;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

const CLIENTS: usize = 16;
const KILLS: usize = 5;

/// Rotations of each client between two kills. An answer that is lost takes one late
/// redelivery of the session's three in twenty generations (row 8 of the protocol); with so
/// many rotations in between, earlier ones do not count.
const ROTATIONS: u32 = 25;

/// With no window the live token rotates each time (row 6), which is the heaviest load; and an
/// answer that was lost is made good by row 8, since nobody can have confirmed its generation.
const WINDOW: (&str, &str) = ("REUSE_WINDOW", "0");

#[derive(Default)]
struct Load {
    /// Since the server was last started, by client.
    rotations: [AtomicU32; CLIENTS],
    total: AtomicU32,
    /// Refreshes that were sent and got no answer, or only a part of one.
    lost: AtomicU32,
    over: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(folder.path());
    let (here, address) = watch::channel(Client::new(server.addr));
    let load = Arc::new(Load::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let tokens = address.borrow().send(log_in()).await.tokens();
        clients.spawn(run(number, tokens, address.clone(), Arc::clone(&load)));
    }

    for kill in 0..KILLS {
        enough(&load, ROTATIONS, &mut clients).await;
        // Not always at the same point of the clients' round.
        sleep(Duration::from_micros(3_701 * (kill as u64 + 1))).await;
        server.signal("KILL");
        server.wait();
        server = start(folder.path());
        load.rotations
            .iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
        here.send_replace(Client::new(server.addr));
    }
    enough(&load, ROTATIONS, &mut clients).await;
    load.over.store(true, Ordering::Relaxed);

    let held = clients.join_all().await;
    for (before, tokens) in &held {
        let client = Client::new(server.addr);
        let next = client.send(refresh(&tokens.refresh)).await.tokens();
        assert_eq!(next.sid(), *before, "the session that was started");
        client.send(get("/me").bearer(&next.access)).await.is(200);
    }
    let (total, lost) = (
        load.total.load(Ordering::Relaxed),
        load.lost.load(Ordering::Relaxed),
    );
    println!(
        "{KILLS} kills, {CLIENTS} sessions, {total} refreshes, {lost} answers lost, \
         0 sessions lost"
    );
    assert!(lost > 0, "no kill hit a request");
    server.stop();
}

fn start(folder: &Path) -> Server {
    Server::start("quickstart", folder, &[WINDOW])
}

fn log_in() -> Call {
    post("/auth/login").json(r#"{"username":"alice","password":"wonderland"}"#)
}

fn refresh(token: &str) -> Call {
    post("/auth/token").form(format!("grant_type=refresh_token&refresh_token={token}"))
}

/// Waits until each client has refreshed often enough, for a minute at most.
async fn enough<T: 'static>(load: &Load, rotations: u32, clients: &mut JoinSet<T>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let wants_more = |count: &AtomicU32| count.load(Ordering::Relaxed) < rotations;
    while load.rotations.iter().any(wants_more) && !load.over.load(Ordering::Relaxed) {
        // A client ends early only by a failed assertion.
        if let Some(ended) = clients.try_join_next() {
            ended.expect("the client goes on");
        }
        assert!(
            Instant::now() < deadline,
            "the clients got stuck: {:?}",
            load.rotations
        );
        sleep(Duration::from_millis(5)).await;
    }
}

/// Refreshes until it is over, with the same token again where no answer came.
async fn run(
    number: usize,
    mut held: Tokens,
    address: watch::Receiver<Client>,
    load: Arc<Load>,
) -> (String, Tokens) {
    let session = held.sid();
    while !load.over.load(Ordering::Relaxed) {
        let client = address.borrow().clone();
        match client.attempt(refresh(&held.refresh)).await {
            Ok(answer) if is_whole(&answer) => held = answer.tokens(),
            Err(error) if error.is_connect() => {
                sleep(Duration::from_millis(10)).await;
                continue;
            }
            _ => {
                load.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
        }
        load.rotations[number].fetch_add(1, Ordering::Relaxed);
        // Now and then, so that generations get confirmed under way.
        if load.total.fetch_add(1, Ordering::Relaxed).is_multiple_of(4)
            && let Ok(answer) = client.attempt(get("/me").bearer(&held.access)).await
        {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    (session, held)
}

/// Whether all of the answer arrived. A 503 is none: the client is to try again.
fn is_whole(answer: &Answer) -> bool {
    answer.status != 503 && serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok()
}
