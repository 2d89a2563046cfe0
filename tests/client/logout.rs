//! Logging out: here at once, then in the store, then on the server.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Request;
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep, timeout};
use tower::{ServiceExt, service_fn};
use tower_bearer_client::{
    ClientErrorKind, ClientSession, EndReason, FileTokenStore, MemoryTokenStore, SessionPhase,
    TokenStore,
};

use crate::{
    faulty::Faulty,
    support::{
        Body, Ends, Fault, LIFETIME, REVOKE, Server, TOKEN, builder, settle, world, world_with,
    },
};

#[tokio::test(start_paused = true)]
async fn a_logout_revokes_the_refresh_token() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    world.session.logout().await.unwrap();
    world.asked(["revoke"]);
    assert_eq!(world.server.sessions(), 0);
    assert!(store.load().await.unwrap().is_none());
    let error = world.session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Logout));
    // Nobody was signed in any more.
    world.session.logout().await.unwrap();
    world.asked([]);
}

/// Whoever calls it knows. The hook is for what comes from elsewhere.
#[tokio::test(start_paused = true)]
async fn the_programs_own_logout_is_not_told() {
    let world = world().await;
    world.session.logout().await.unwrap();
    let ended = SessionPhase::Ended(EndReason::Logout);
    assert_eq!(world.session.status().phase, ended);
    assert!(world.ends.told().is_empty());
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
    for (fault, kind, status, asked) in [
        (Fault::Unreachable, ClientErrorKind::Unreachable, None, 3),
        (
            Fault::status(503),
            ClientErrorKind::Unavailable,
            Some(503),
            3,
        ),
        (Fault::Silent, ClientErrorKind::Timeout, None, 3),
        (
            Fault::status(302),
            ClientErrorKind::Redirected,
            Some(302),
            1,
        ),
        (
            Fault::json(400, r#"{"error":"unsupported_token_type"}"#),
            ClientErrorKind::Refused,
            None,
            1,
        ),
    ] {
        let store = MemoryTokenStore::new();
        let world = world_with(|builder| builder.store(store.clone()));
        world.sign_in().await;
        world.server.fail(vec![fault; 10]);
        let error = world.session.logout().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.status().map(|status| status.as_u16()), status);
        assert_eq!(world.server.log().len(), asked);
        assert!(store.load().await.unwrap().is_none());
        assert!(world.get("/").await.unwrap_err().is_signed_out());
    }
}

/// The store has forgotten the token by then, and nobody else could end the session.
#[tokio::test(start_paused = true)]
async fn a_server_that_could_not_be_told_is_told_by_the_next_logout() {
    let world = world().await;
    world.server.fail(vec![Fault::Unreachable; 6]);
    for _ in 0..2 {
        let error = world.session.logout().await.unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Unreachable);
        assert_eq!(world.server.sessions(), 1);
        world.asked(["unreachable"; 3]);
    }
    world.session.logout().await.unwrap();
    world.asked(["revoke"]);
    assert_eq!(world.server.sessions(), 0);
    world.session.logout().await.unwrap();
    world.asked([]);
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
    assert!(world.ends.told().is_empty());
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
#[tokio::test(start_paused = true)]
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
    let fresh = builder(&world.server).store(store);
    fresh.build().unwrap().logout().await.unwrap();
    world.asked(["revoke"]);
}

/// Neither is what could not be removed used any more, nor what a later look brings to light.
#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_cleared_keeps_nobody_signed_in() {
    for is_unreadable in [false, true] {
        let store = Faulty::default();
        let world = world_with(|builder| builder.store(store.clone()));
        world.sign_in().await;
        store.fail_clears(true);
        store.fail_loads(is_unreadable);
        let error = world.session.logout().await.unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Store);
        world.asked(["revoke"]);
        store.fail_loads(false);
        for _ in 0..5 {
            assert!(world.get("/").await.unwrap_err().is_signed_out());
            sleep(Duration::from_secs(2)).await;
        }
        world.asked([]);
        assert!(world.server.seen().is_empty());
        assert!(world.ends.told().is_empty());
        // A new session may be found there.
        let there = builder(&world.server).store(store).build().unwrap();
        there.sign_in(world.server.login()).await.unwrap();
        sleep(Duration::from_secs(2)).await;
        assert_eq!(world.get("/").await.unwrap(), 200);
    }
}

/// Then the server is all the more to be told.
#[tokio::test(start_paused = true)]
async fn what_a_store_does_not_give_up_is_revoked() {
    let store = Faulty::default();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    store.fail_clears(true);
    let fresh = builder(&world.server).store(store);
    assert!(fresh.build().unwrap().logout().await.is_err());
    world.asked(["revoke"]);
}

/// A sign-in may wait long; its tokens grow old meanwhile.
#[tokio::test(start_paused = true)]
async fn the_lifetime_of_tokens_counts_from_the_sign_in() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    let held = store.lock().await.unwrap();
    let (session, login) = (world.session.clone(), world.server.login());
    let leaving = world.session.clone();
    let logout = tokio::spawn(async move { leaving.logout().await });
    settle().await;
    let sign_in = tokio::spawn(async move { session.sign_in(login).await });
    sleep(LIFETIME / 2).await;
    drop(held);
    logout.await.unwrap().unwrap();
    sign_in.await.unwrap().unwrap();
    assert!(world.session.status().expires_in.unwrap() <= LIFETIME / 2);
}

/// A request that looks into the store before the logout has cleared it.
#[tokio::test(start_paused = true)]
async fn a_look_into_the_store_during_a_logout_brings_nothing_back() {
    let store = Faulty::slow(Duration::from_millis(10));
    let world = world_with(|builder| builder.store(store));
    world.sign_in().await;
    let (logout, asked) = tokio::join!(world.session.logout(), world.get("/"));
    logout.unwrap();
    assert!(asked.unwrap_err().is_signed_out());
    assert!(!world.session.status().is_signed_in());
    assert!(world.get("/").await.unwrap_err().is_signed_out());
    assert!(world.server.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn logouts_at_once_are_one() {
    for is_known in [true, false] {
        let store = Faulty::slow(Duration::from_millis(10));
        let world = world_with(|builder| builder.store(store.clone()));
        world.sign_in().await;
        let ends = Ends::default();
        let fresh = ends.listen(builder(&world.server)).store(store);
        let (session, ends) = match is_known {
            true => (world.session, world.ends),
            false => (fresh.build().unwrap(), ends),
        };
        let (first, second) = tokio::join!(session.logout(), session.logout());
        first.and(second).unwrap();
        assert!(ends.told().is_empty());
        assert_eq!(world.server.sessions(), 0);
    }
}

/// The logout waits for a lock, and its caller does not wait for the logout.
#[tokio::test(start_paused = true)]
async fn a_logout_takes_no_later_session_with_it() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.json");
        let world = world_with(|builder| builder.store(FileTokenStore::new(&file)));
        world.sign_in().await;
        let held = FileTokenStore::new(&file).lock().await.unwrap();
        let given_up = timeout(Duration::from_millis(20), world.session.logout()).await;
        assert!(given_up.is_err());
        let (session, login) = (world.session.clone(), world.server.login());
        let sign_in = tokio::spawn(async move { session.sign_in(login).await });
        sleep(Duration::from_millis(20)).await;
        drop(held);
        sign_in.await.unwrap().unwrap();
        // The logout is through before the next sign-in is.
        assert_eq!(world.get("/").await.unwrap(), 200);
        let token = world.session.access_token().await.unwrap();
        assert!(world.session.access_token_after(&token).await.is_ok());
        assert!(file.exists() && world.session.status().is_signed_in());
        assert!(world.ends.told().is_empty());
    }
}

/// The refresh takes longer than the logout waits for the lock.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_outlasts_the_lock_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let store = FileTokenStore::new(&file).lock_timeout(Duration::from_millis(50));
    let world = world_with(|builder| builder.store(store));
    world.sign_in().await;
    world.server.latency(Duration::from_millis(600));
    let token = world.session.access_token().await.unwrap();
    let session = world.session.clone();
    let refresh = tokio::spawn(async move { session.access_token_after(&token).await });
    sleep(Duration::from_millis(200)).await;
    world.session.logout().await.unwrap();
    assert!(refresh.await.unwrap().unwrap_err().is_signed_out());
    assert!(!file.exists());
    assert!(world.get("/").await.unwrap_err().is_signed_out());
    world.asked(["refresh", "revoke"]);
    assert_eq!(world.server.sessions(), 0);
}

/// A server may know nothing of a token that it has replaced.
#[tokio::test(start_paused = true)]
async fn tokens_that_could_not_be_saved_are_what_is_revoked() {
    let store = Faulty::default();
    let server = Server::new();
    let (http, revoked) = (server.http(), Arc::new(Mutex::new(String::new())));
    let kept = Arc::clone(&revoked);
    let spy = service_fn(move |request: Request<Body>| {
        let (http, kept) = (http.clone(), Arc::clone(&kept));
        async move {
            let (head, body) = request.into_parts();
            let form = body.collect().await.unwrap().to_bytes();
            if head.uri.path() == "/revoke" {
                *kept.lock().unwrap() = String::from_utf8(form.to_vec()).unwrap();
            }
            http.oneshot(Request::from_parts(head, form.into())).await
        }
    });
    let builder = ClientSession::builder(TOKEN, spy).revocation_endpoint(REVOKE);
    let session = builder.store(store.clone()).build().unwrap();
    session.sign_in(server.login()).await.unwrap();
    store.fail_saves(true);
    let token = session.access_token().await.unwrap();
    session.access_token_after(&token).await.unwrap();
    session.logout().await.unwrap();
    let form = revoked.lock().unwrap().clone();
    assert!(form.starts_with("token=refresh-1-1&"), "{form}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_stops_no_logout() {
    let server = Server::new();
    let session = builder(&server)
        .on_end(|_| panic!("as told"))
        .build()
        .unwrap();
    session.sign_in(server.login()).await.unwrap();
    session.logout().await.unwrap();
    assert_eq!(server.sessions(), 0);
}
