//! The end of a session: once, and only when it is sure.

use std::{error::Error, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_bearer_client::{
    ClientErrorKind, EndReason, MemoryTokenStore, NewTokens, RequestError, SessionPhase, TokenStore,
};

use crate::{
    faulty::Faulty,
    support::{Ends, Fault, LIFETIME, builder, settle, world, world_with},
};

#[tokio::test(start_paused = true)]
async fn an_invalid_grant_ends_the_session_and_is_told_once() {
    let world = world().await;
    world.server.end_sessions();
    sleep(LIFETIME).await;
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        requests.spawn(world.get("/"));
    }
    for outcome in requests.join_all().await {
        let Err(RequestError::Token(error)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Refused));
        assert!(error.is_signed_out());
        let cause = error.source().unwrap();
        assert_eq!(
            cause.to_string(),
            "the token endpoint refuses the request: invalid_grant"
        );
    }
    for _ in 0..10 {
        sleep(Duration::from_secs(10)).await;
        assert!(world.get("/").await.unwrap_err().is_signed_out());
    }
    world.asked(["refresh"]);
    assert_eq!(world.ends.told(), [EndReason::Refused]);
    let status = world.session.status();
    assert_eq!(status.phase, SessionPhase::Ended(EndReason::Refused));
}

#[tokio::test(start_paused = true)]
async fn after_the_end_one_can_sign_in_again() {
    let world = world().await;
    world.server.end_sessions();
    sleep(LIFETIME).await;
    world.get("/").await.unwrap_err();
    world.sign_in().await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.server.end_sessions();
    sleep(LIFETIME).await;
    world.get("/").await.unwrap_err();
    assert_eq!(
        world.ends.told(),
        [EndReason::Refused; 2],
        "once for each session"
    );
}

/// A background refresh learns of the end while the access token still lives.
#[tokio::test(start_paused = true)]
async fn the_end_counts_at_once() {
    let world = world().await;
    world.server.end_sessions();
    sleep(LIFETIME.mul_f64(0.85)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    settle().await;
    assert_eq!(world.ends.told(), [EndReason::Refused]);
    assert!(world.get("/").await.unwrap_err().is_signed_out());
}

/// A server that is strict about reuse ends the session after a lost answer: nothing can be done
/// about that here, but it is told once and plainly.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_strict_server_ends_the_session() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail([Fault::Lost]);
    assert!(world.get("/").await.unwrap_err().is_signed_out());
    world.asked(["refresh", "lost", "refresh"]);
    assert_eq!(world.ends.told(), [EndReason::Refused]);
}

/// Another process, which heeds no lock, was faster: its token is in the store.
#[tokio::test(start_paused = true)]
async fn an_invalid_grant_is_not_believed_before_a_second_look_into_the_store() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    sleep(LIFETIME).await;
    // The server rotates for the other one while ours is on its way.
    world.server.latency(Duration::from_secs(2));
    let _ = world.server.login();
    let ours = tokio::spawn(world.get("/"));
    sleep(Duration::from_millis(500)).await;
    save_unlocked(&store, r#"{"refresh_token":"refresh-2-0"}"#).await;
    world
        .server
        .fail([Fault::json(400, r#"{"error":"invalid_grant"}"#)]);
    assert_eq!(ours.await.unwrap().unwrap(), 200);
    world.asked(["says", "refresh"]);
    assert!(world.ends.told().is_empty());
}

/// Two that are refused in a row are the end.
#[tokio::test(start_paused = true)]
async fn no_more_than_two_tokens_are_tried() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    sleep(LIFETIME).await;
    world.server.latency(Duration::from_secs(2));
    world
        .server
        .fail(vec![Fault::json(400, r#"{"error":"invalid_grant"}"#); 9]);
    let ours = tokio::spawn(world.get("/"));
    for number in 0..10 {
        sleep(Duration::from_secs(1)).await;
        let text = format!(r#"{{"refresh_token":"refresh-9-{number}"}}"#);
        save_unlocked(&store, &text).await;
    }
    assert!(ours.await.unwrap().unwrap_err().is_signed_out());
    world.asked(["says", "says"]);
    assert_eq!(world.ends.told(), [EndReason::Refused]);
}

/// Nobody knows whether another process has rotated: the session is kept.
#[tokio::test(start_paused = true)]
async fn with_a_store_that_cannot_be_read_nothing_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let store = tower_bearer_client::FileTokenStore::new(&file);
    let world = world_with(|builder| builder.store(store));
    world.sign_in().await;
    world.server.end_sessions();
    world.server.latency(Duration::from_secs(2));
    sleep(LIFETIME).await;
    let ours = tokio::spawn(world.get("/"));
    let asked = async {
        while world.server.log().is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), asked).await.unwrap();
    std::fs::write(&file, "not tokens").unwrap();
    let error = ours.await.unwrap().unwrap_err();
    let RequestError::Token(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), ClientErrorKind::Store);
    assert!(world.session.status().is_signed_in() && world.ends.told().is_empty());
}

/// A store that keeps what it should have removed brings no session back.
#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_noted_in_the_store_is_told_once_too() {
    let store = Faulty::default();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    store.fail_clears(true);
    world.server.end_sessions();
    sleep(LIFETIME.mul_f64(0.85)).await;
    world.get("/").await.unwrap();
    settle().await;
    world.server.seen();
    for _ in 0..10 {
        assert!(world.get("/").await.unwrap_err().is_signed_out());
        sleep(Duration::from_secs(2)).await;
    }
    world.asked(["refresh"]);
    assert!(world.server.seen().is_empty());
    assert_eq!(world.ends.told(), [EndReason::Refused]);
}

/// What a process that shares the store sees of another one's logout.
#[tokio::test(start_paused = true)]
async fn a_logout_elsewhere_ends_the_session_at_the_next_refresh() {
    let store = MemoryTokenStore::new();
    let here = world_with(|builder| builder.store(store.clone()));
    here.sign_in().await;
    let there = builder(&here.server).store(store).build().unwrap();
    there.logout().await.unwrap();
    here.asked(["revoke"]);
    sleep(LIFETIME).await;
    let error = here.session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Elsewhere));
    here.asked([]);
    assert_eq!(here.ends.told(), [EndReason::Elsewhere]);
}

/// A daemon picks up what someone has signed in to in a terminal.
#[tokio::test(start_paused = true)]
async fn a_sign_in_elsewhere_is_found() {
    let store = MemoryTokenStore::new();
    let here = world_with(|builder| builder.store(store.clone()));
    let error = here.session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::NotSignedIn);
    let there = builder(&here.server).store(store).build().unwrap();
    there.sign_in(here.server.login()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(here.get("/").await.unwrap(), 200);
    here.asked([]);
}

/// The end is told by each who had the session, once.
#[tokio::test(start_paused = true)]
async fn each_that_shares_a_session_learns_of_its_end() {
    let store = MemoryTokenStore::new();
    let first = world_with(|builder| builder.store(store.clone()));
    first.sign_in().await;
    let ends = Ends::default();
    let second = ends
        .listen(builder(&first.server))
        .store(store)
        .build()
        .unwrap();
    second.access_token().await.unwrap();
    first.server.end_sessions();
    sleep(LIFETIME).await;
    for session in [&first.session, &second] {
        assert!(session.access_token().await.unwrap_err().is_signed_out());
    }
    first.asked(["refresh"]);
    assert_eq!(first.ends.told(), [EndReason::Refused]);
    assert_eq!(ends.told(), [EndReason::Elsewhere]);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_could_not_be_sent_are_no_sign_in() {
    let world = world_with(|builder| builder);
    for tokens in [
        NewTokens::from_refresh_token(""),
        NewTokens::from_refresh_token("a\nb"),
        NewTokens::from_refresh_token("r").with_access_token("a\r\nX-Evil: 1", LIFETIME),
    ] {
        let error = world.session.sign_in(tokens).await.unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Malformed);
    }
    assert!(!world.session.status().is_signed_in());
}

/// Writes into a store without waiting for those who hold its lock: that of another store is as
/// good as none.
async fn save_unlocked(store: &MemoryTokenStore, text: &str) {
    let mut lock = MemoryTokenStore::new().lock().await.unwrap();
    let tokens = serde_json::from_str(text).unwrap();
    store.save(&mut lock, &tokens).await.unwrap();
}
