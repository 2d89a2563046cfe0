//! A restart forgets no logout.

use tests_shared::{
    client::{Client, post},
    program::Server,
};

use super::{login, me};

#[tokio::test]
async fn a_logout_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Server::start("quickstart", folder.path(), &[("STORE", "sqlite:app.db")]);

    let server = start();
    let client = Client::new(server.addr);
    let alice = login(&client, "alice", "wonderland").await;
    let other = login(&client, "alice", "wonderland").await;
    let bob = login(&client, "bob", "builder").await;
    me(&client, &alice).await.is(200);
    client
        .send(post("/auth/logout").bearer(&alice))
        .await
        .is(204);
    me(&client, &alice).await.is(401).error("invalid_token");
    server.stop();

    let server = start();
    let client = Client::new(server.addr);
    me(&client, &alice).await.is(401).error("invalid_token");
    // Nobody else is logged out by it.
    me(&client, &other).await.is(200);
    me(&client, &bob).await.is(200);
    client
        .send(post("/auth/logout-all").bearer(&other))
        .await
        .is(204);
    // It ends without having had the time to tidy up.
    drop(server);

    let server = start();
    let client = Client::new(server.addr);
    me(&client, &alice).await.is(401).error("invalid_token");
    me(&client, &other).await.is(401).error("invalid_token");
    me(&client, &bob).await.is(200);
    server.stop();
}
