//! `kill -9` of SQLite servers under load loses no session.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod pair;
mod walker;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tests_shared::{
    client::{Answer, Call, Client, Tokens, get, post},
    program::Server,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

const CLIENTS: usize = 16;
const KILLS: usize = 5;

/// Longer than a server waits for its database.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// Requests that were sent and got no answer, or only a part of one.
    lost: AtomicU32,
    /// Answers that were 503: try again.
    busy: AtomicU32,
    over: AtomicBool,
}

impl Load {
    /// Sends a request. Nothing where there is no whole answer, or one that says to try again.
    async fn ask(&self, client: &Client, call: Call) -> Option<Answer> {
        let attempt = timeout(PATIENCE, client.attempt(call)).await;
        match attempt.expect("an answer, or an end of the connection") {
            Ok(answer) if answer.status == 503 => {
                self.busy.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) if is_whole(&answer) => return Some(answer),
            // Nothing was sent: there was no server.
            Err(error) if error.is_connect() => {}
            _ => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        }
        sleep(Duration::from_millis(5)).await;
        None
    }
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
    let [total, lost, busy] =
        [&load.total, &load.lost, &load.busy].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{KILLS} kills, {CLIENTS} sessions, {total} refreshes, {lost} answers lost, {busy} busy, \
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
        let Some(answer) = load.ask(&client, refresh(&held.refresh)).await else {
            continue;
        };
        held = answer.tokens();
        load.rotations[number].fetch_add(1, Ordering::Relaxed);
        // Now and then, so that generations get confirmed under way.
        if load.total.fetch_add(1, Ordering::Relaxed).is_multiple_of(4)
            && let Some(answer) = load.ask(&client, get("/me").bearer(&held.access)).await
        {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    (session, held)
}

/// Whether all of the answer arrived. What ends a session answers with its status alone.
fn is_whole(answer: &Answer) -> bool {
    let is_empty = answer.status == 204 || answer.header("content-length") == Some("0");
    is_empty || serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok()
}
