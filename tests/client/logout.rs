//! Logging out: here at once, then in the store, then on the server.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep, timeout};
use tower_bearer::client::{
    ClientErrorKind, ClientSession, EndReason, FileTokenStore, MemoryTokenStore, TokenStore,
};

use crate::support::{Ends, Fault, LIFETIME, TOKEN, builder, settle, world, world_with};

#[tokio::test(start_paused = true)]
async fn a_logout_revokes_the_refresh_token() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    world.session.logout().await.unwrap();
    world.asked(["revoke"]);
    assert_eq!(world.server.sessions(), 0);
    assert!(store.load().await.unwrap().is_none());
    assert_eq!(world.ends.told(), [EndReason::Logout]);
    let error = world.session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Logout));
    // Nobody was signed in any more.
    world.session.logout().await.unwrap();
    world.asked([]);
    assert_eq!(world.ends.told(), [EndReason::Logout]);
}

/// Neither a request that comes meanwhile nor a slow server changes that.
#[tokio::test(start_paused = true)]
async fn the_session_is_over_before_the_server_knows() {
    let world = world().await;
    world.server.latency(Duration::from_secs(5));
    let session = world.session.clone();
    let logout = tokio::spawn(async move { session.logout().await });
    settle().await;
    assert!(world.get("/").await.unwrap_err().is_signed_out());
    logout.await.unwrap().unwrap();
    world.asked(["revoke"]);
    assert!(world.server.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_told_does_not_keep_anyone_signed_in() {
    for (fault, kind, asked) in [
        (Fault::Unreachable, ClientErrorKind::Unreachable, 3),
        (
            Fault::status(503),
            ClientErrorKind::Unavailable(StatusCode::SERVICE_UNAVAILABLE),
            3,
        ),
        (Fault::Silent, ClientErrorKind::Timeout, 3),
        (
            Fault::status(302),
            ClientErrorKind::Redirected(StatusCode::FOUND),
            1,
        ),
        (
            Fault::json(400, r#"{"error":"unsupported_token_type"}"#),
            ClientErrorKind::Refused,
            1,
        ),
    ] {
        let store = MemoryTokenStore::new();
        let world = world_with(|builder| builder.store(store.clone()));
        world.sign_in().await;
        world.server.fail(vec![fault; 10]);
        let error = world.session.logout().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(world.server.log().len(), asked);
        assert!(store.load().await.unwrap().is_none());
        assert!(world.get("/").await.unwrap_err().is_signed_out());
    }
}

/// A revocation whose answer is lost is sent again.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_revocation_is_no_failure() {
    let world = world().await;
    world.server.fail([Fault::Lost, Fault::status(503)]);
    world.session.logout().await.unwrap();
    world.asked(["revoke", "lost", "says", "revoke"]);
}

/// The refresh that is under way gets its tokens, and they are what is revoked.
#[tokio::test(start_paused = true)]
async fn a_logout_during_a_refresh_wins() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    world.server.latency(Duration::from_secs(4));
    sleep(LIFETIME).await;
    let waiting = tokio::spawn(world.get("/"));
    sleep(Duration::from_secs(1)).await;
    world.session.logout().await.unwrap();
    assert!(waiting.await.unwrap().unwrap_err().is_signed_out());
    world.asked(["refresh", "revoke"]);
    assert_eq!(world.server.sessions(), 0);
    assert!(store.load().await.unwrap().is_none());
    assert_eq!(world.ends.told(), [EndReason::Logout]);
}

/// So does a new login: what was under way is not put over it.
#[tokio::test(start_paused = true)]
async fn a_sign_in_during_a_refresh_wins() {
    let world = world().await;
    world.server.latency(Duration::from_secs(4));
    sleep(LIFETIME).await;
    let waiting = tokio::spawn(world.get("/"));
    sleep(Duration::from_secs(1)).await;
    let login = world.server.login();
    world.session.sign_in(login).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 200);
    world.asked(["refresh"]);
    sleep(LIFETIME).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
    assert!(world.ends.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_logout_that_nobody_waits_for_is_done() {
    let world = world().await;
    let given_up = timeout(Duration::from_millis(1), world.session.logout()).await;
    assert!(given_up.is_err());
    settle().await;
    world.asked(["revoke"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_revocation_endpoint_the_server_is_not_told() {
    let world = world().await;
    let session = ClientSession::builder(TOKEN, world.server.http())
        .build()
        .unwrap();
    session.sign_in(world.server.login()).await.unwrap();
    session.logout().await.unwrap();
    world.asked([]);
    assert!(session.access_token().await.unwrap_err().is_signed_out());
}

/// Another process hangs and holds the lock: the tokens go all the same.
#[tokio::test]
async fn a_held_lock_does_not_keep_the_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let store = || FileTokenStore::new(&file).lock_timeout(Duration::from_millis(100));
    let world = world_with(|builder| builder.store(store()));
    world.sign_in().await;
    let _held = store().lock().await.unwrap();
    let start = Instant::now();
    world.session.logout().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(!file.exists());
    world.asked(["revoke"]);
}

/// The tokens do not stay until whoever refreshes is done.
#[tokio::test(start_paused = true)]
async fn the_store_is_cleared_before_the_lock_is_had() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    let held = store.lock().await.unwrap();
    let session = world.session.clone();
    let logout = tokio::spawn(async move { session.logout().await });
    settle().await;
    assert!(!logout.is_finished());
    assert!(store.load().await.unwrap().is_none());
    drop(held);
    logout.await.unwrap().unwrap();
    world.asked(["revoke"]);
}

/// Tokens that this process has not even looked at yet.
#[tokio::test(start_paused = true)]
async fn a_logout_needs_no_request_before_it() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    let ends = Ends::default();
    let fresh = ends.listen(builder(&world.server)).store(store);
    fresh.build().unwrap().logout().await.unwrap();
    world.asked(["revoke"]);
    assert_eq!(ends.told(), [EndReason::Logout]);
}
