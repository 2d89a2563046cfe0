//! The clock of one application server is an hour ahead: the store's clock counts.

use super::{
    client::{Answer, Client, get, post},
    server::Server,
    servers::{postgres::Postgres, program_clock},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_ahead() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let Some(preload) = program_clock() else {
        return;
    };
    let url = postgres.url();
    let folder = tempfile::tempdir().expect("a folder");
    let store = ("STORE", url.as_str());
    let ahead = [
        store,
        ("LD_PRELOAD", preload.as_str()),
        ("FAKETIME", "+1h"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let right = Server::start("quickstart", folder.path(), &[store]);
    let wrong = Server::start("quickstart", folder.path(), &ahead);
    let clients = [&right, &wrong].map(|server| Client::new(server.addr));

    for log_in_at in [0, 1] {
        let mut tokens = log_in(&clients[log_in_at]).await;
        for round in 0..6 {
            let passed = tokens.refresh.clone();
            tokens = refresh(&clients[round % 2], &passed).await.tokens();
            // Another tab at the other server, within the window.
            let other = refresh(&clients[1 - round % 2], &passed).await.tokens();
            assert_eq!(other.generation(), tokens.generation());
            // Who made the token does not matter to a server whose clock is right.
            let me = get("/me").bearer(&tokens.access);
            clients[0].send(me).await.is(200);
        }
        let end = post("/auth/revoke").form(format!("token={}", tokens.refresh));
        clients[1].send(end).await.is(200);
        for client in &clients {
            refresh(client, &tokens.refresh).await.is(400).error("invalid_grant");
        }
    }
    println!("PostgreSQL, one application server an hour ahead: 2 sessions, 24 refreshes");
    right.stop();
    wrong.stop();
}
