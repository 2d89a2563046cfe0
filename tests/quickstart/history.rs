//! A user who has logged in and out very often is served like one who is new.

use std::{path::Path, time::Duration};

use tests_shared::{
    client::{Client, get, post},
    program::Server,
};
use tokio::{task::JoinSet, time::Instant};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    session::{Grant, RefreshKey, Sessions},
};
use tower_bearer_sqlx::SqliteStore;

use super::login;

const LOGINS: usize = 3_000;
const ROUNDS: usize = 15;

/// The shortest time may be so many times that of a new user. Walking over the dead sessions costs far
/// more each time, and a machine that has much else to do does not slow all of them.
const BOUND: u32 = 3;

/// Logs alice in and out, in the file that the server will open. The server itself would spend
/// minutes on hashing her password.
async fn log_in_and_out(folder: &Path) {
    let address = format!("sqlite:{}", folder.join("app.db").display());
    let store = SqliteStore::connect(&address).await.expect("a file");
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).expect("a key"));
    let issuer = Issuer::new("https://id.example", "https://api.example", keys).expect("names");
    let refresh_key = RefreshKey::from_secret([7; 32]).expect("a secret");
    let sessions = Sessions::builder(issuer, refresh_key, store)
        .build()
        .expect("sessions");
    let mut at_once = JoinSet::new();
    for _ in 0..30 {
        let sessions = sessions.clone();
        at_once.spawn(async move {
            for _ in 0..LOGINS / 30 {
                let grant = Grant::new("alice").metadata("user_agent", "x".repeat(200));
                let tokens = sessions.start(grant).await.expect("a login");
                let refresh = tokens.refresh_token.expose();
                sessions.revoke(refresh, None).await.expect("a logout");
            }
        });
    }
    while let Some(done) = at_once.join_next().await {
        done.expect("all logins and logouts");
    }
}

/// How long the next login, the list and the logout of all sessions take.
async fn visit(client: &Client, username: &str, password: &str) -> [Duration; 3] {
    let start = Instant::now();
    let token = login(client, username, password).await;
    let logged_in = start.elapsed();

    let start = Instant::now();
    let list = client.send(get("/auth/sessions").bearer(&token)).await;
    let listed = start.elapsed();
    let list = list.is(200).json();
    assert_eq!(list.as_array().expect("a list").len(), 1, "{username}");

    let start = Instant::now();
    let everywhere = post("/auth/logout-all").bearer(&token);
    client.send(everywhere).await.is(204);
    [logged_in, listed, start.elapsed()]
}

fn shortest(visits: &[[Duration; 3]], step: usize) -> Duration {
    let times = visits.iter().map(|visit| visit[step]);
    times.min().expect("visits")
}

#[tokio::test]
async fn three_thousand_logins_and_logouts_leave_the_next_as_fast_as_a_new_users() {
    let folder = tempfile::tempdir().expect("a folder");
    log_in_and_out(folder.path()).await;
    let server = Server::start("quickstart", folder.path(), &[("STORE", "sqlite:app.db")]);
    let client = Client::new(server.addr);
    let (mut often, mut new) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        often.push(visit(&client, "alice", "wonderland").await);
        new.push(visit(&client, "bob", "builder").await);
    }
    for (step, name) in ["login", "list", "logout everywhere"]
        .into_iter()
        .enumerate()
    {
        let (often, new) = (shortest(&often, step), shortest(&new, step));
        println!("{name}: {often:?} after {LOGINS} logins, {new:?} for a new user");
        assert!(
            often <= new * BOUND,
            "{name}: {often:?}, and {new:?} for a new user"
        );
    }
    server.stop();
}
