//! What a session tells about itself.

use tower_bearer_client::{
    ClientErrorKind, ClientSession, EndReason, FileTokenStore, MemoryTokenStore, SessionPhase,
};

use crate::{
    faulty::Faulty,
    support::{Server, builder, world_with},
};

/// As a program that is started for each command.
#[tokio::test]
async fn a_fresh_process_knows_nothing_until_it_has_looked_into_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let server = Server::new();
    let start = || -> ClientSession {
        let store = FileTokenStore::new(&file);
        builder(&server).store(store).build().unwrap()
    };
    let fresh = start();
    assert_eq!(fresh.status().phase, SessionPhase::NotLoaded);
    assert_eq!(fresh.load().await.unwrap().phase, SessionPhase::SignedOut);
    assert_eq!(fresh.status().phase, SessionPhase::SignedOut);

    start().sign_in(server.login()).await.unwrap();
    let fresh = start();
    assert_eq!(fresh.status().phase, SessionPhase::NotLoaded);
    assert!(fresh.status().expires_in.is_none());
    let status = fresh.load().await.unwrap();
    assert!(status.is_signed_in() && status.expires_in.is_some());
    assert!(fresh.status().is_signed_in());

    start().logout().await.unwrap();
    assert_eq!(start().load().await.unwrap().phase, SessionPhase::SignedOut);
    // Nobody was asked but the file.
    assert_eq!(server.log(), ["revoke"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_finds_what_somebody_has_signed_in_to_since() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    assert!(!world.session.load().await.unwrap().is_signed_in());
    let there = builder(&world.server).store(store).build().unwrap();
    there.sign_in(world.server.login()).await.unwrap();
    assert!(world.session.load().await.unwrap().is_signed_in());
    assert_eq!(world.get("/").await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_finds_nothing_forgets_no_reason() {
    let world = world_with(|builder| builder);
    world.sign_in().await;
    world.session.logout().await.unwrap();
    let ended = SessionPhase::Ended(EndReason::Logout);
    assert_eq!(world.session.load().await.unwrap().phase, ended);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_says_so() {
    let store = Faulty::default();
    let world = world_with(|builder| builder.store(store.clone()));
    store.fail_loads(true);
    let error = world.session.load().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Store);
    assert_eq!(world.session.status().phase, SessionPhase::NotLoaded);
}

/// What it had read is of the session before.
#[tokio::test(start_paused = true)]
async fn a_look_during_a_logout_brings_nothing_back() {
    let store = Faulty::slow(std::time::Duration::from_millis(10));
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    let fresh = builder(&world.server).store(store).build().unwrap();
    let (looked, logout) = tokio::join!(fresh.load(), fresh.logout());
    logout.unwrap();
    assert!(!looked.unwrap().is_signed_in());
    assert_eq!(fresh.status().phase, SessionPhase::Ended(EndReason::Logout));
}
