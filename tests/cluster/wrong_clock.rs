//! The clock of one server is an hour ahead: the store's counts.

use tempfile::TempDir;
use tests_shared::{
    client::{Answer, Client, Tokens, get, payload, post},
    program::Server,
    servers::{ServerClock, postgres::Postgres},
    skipped,
};

/// Two servers on one database.
struct Pair {
    servers: [Server; 2],
    clients: [Client; 2],
    _folder: TempDir,
    _postgres: Postgres,
}

impl Pair {
    /// The second is the one that is ahead.
    async fn start(window: &str) -> Option<Self> {
        let postgres = Postgres::start().await?;
        let Some(library) = ServerClock::library("libfaketimeMT.so.1") else {
            skipped("libfaketime is not installed");
            return None;
        };
        let (url, library) = (postgres.url(), library.display().to_string());
        let folder = tempfile::tempdir().expect("a folder");
        let right = [("STORE", url.as_str()), ("REUSE_WINDOW", window)];
        let ahead = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME", "+1h"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let servers = [
            Server::start("quickstart", folder.path(), &right),
            Server::start("quickstart", folder.path(), &[&right[..], &ahead].concat()),
        ];
        Some(Self {
            clients: servers.each_ref().map(|server| Client::new(server.addr)),
            servers,
            _folder: folder,
            _postgres: postgres,
        })
    }

    async fn log_in(&self, server: usize) -> Tokens {
        let call = post("/auth/login").json(r#"{"username":"alice","password":"wonderland"}"#);
        self.clients[server].send(call).await.tokens()
    }

    async fn refresh(&self, server: usize, token: &str) -> Answer {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.clients[server]
            .send(post("/auth/token").form(form))
            .await
    }

    /// Ends the session at one server; neither goes on with it.
    async fn end(&self, server: usize, held: &Tokens) {
        let end = post("/auth/revoke").form(format!("token={}", held.refresh));
        self.clients[server].send(end).await.is(200);
        for server in [0, 1] {
            let answer = self.refresh(server, &held.refresh).await;
            answer.is(400).error("invalid_grant");
        }
    }

    fn stop(self) {
        self.servers.into_iter().for_each(Server::stop);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_rotate_one_session() {
    let Some(pair) = Pair::start("0").await else {
        return;
    };
    for login in [0, 1] {
        let mut held = pair.log_in(login).await;
        for generation in 1..=6 {
            held = pair.refresh(generation % 2, &held.refresh).await.tokens();
            assert_eq!(payload(&held.refresh)["gen"], generation);
            // Whoever made the token, to a server whose clock is right it is good.
            let me = get("/me").bearer(&held.access);
            pair.clients[0].send(me).await.is(200);
        }
        pair.end(1 - login, &held).await;
    }
    println!(
        "PostgreSQL, one of two servers an hour ahead: 2 sessions, 12 refreshes: 0 sessions lost, \
         0 forked, 0 resurrected, 0 wrong status codes"
    );
    pair.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_know_when_a_token_was_delivered() {
    let Some(pair) = Pair::start("60").await else {
        return;
    };
    for rotated_at in [0, 1] {
        let passed = pair.log_in(rotated_at).await;
        let held = pair.refresh(rotated_at, &passed.refresh).await.tokens();
        for token in [&passed, &held] {
            let again = pair.refresh(1 - rotated_at, &token.refresh).await.tokens();
            assert_eq!(payload(&again.refresh), payload(&held.refresh));
        }
        pair.end(rotated_at, &held).await;
    }
    pair.stop();
}
