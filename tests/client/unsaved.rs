//! Tokens that cannot be saved: nothing is used up before it is known that its successor can be
//! kept, and what could not be kept is neither forgotten nor hidden.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};
use tower_bearer_client::{
    ClientError, ClientErrorKind, ClientSession, EndReason, MemoryTokenStore, TokenStore,
};

use crate::{
    faulty::Faulty,
    support::{Fault, LIFETIME, World, builder, settle, world_with},
};

/// The refresh token that the store holds.
async fn kept(store: &Faulty) -> String {
    let tokens = store.store.load().await.unwrap().unwrap();
    let tokens = serde_json::to_value(tokens).unwrap();
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

/// How often it was told that a save has failed.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<ClientErrorKind>>>);

impl Told {
    fn times(&self) -> usize {
        let told = self.0.lock().unwrap();
        assert!(told.iter().all(|kind| *kind == ClientErrorKind::Store));
        told.len()
    }
}

/// A client with a store that fails as it is told to, signed in.
async fn world() -> (World, Faulty, Told) {
    let (store, told) = (Faulty::default(), Told::default());
    let (kinds, theirs) = (Arc::clone(&told.0), store.clone());
    let world = world_with(|builder| {
        let hook = move |error: &ClientError| kinds.lock().unwrap().push(error.kind());
        builder.store(theirs).on_save_failed(hook)
    });
    world.sign_in().await;
    (world, store, told)
}

/// The same after a refresh whose tokens could not be saved.
async fn unsaved() -> (World, Faulty, Told) {
    let (world, store, told) = world().await;
    sleep(LIFETIME).await;
    store.fail_saves(true);
    assert_eq!(world.get("/").await.unwrap(), 200, "they are good for use");
    world.asked(["refresh"]);
    assert_eq!(kept(&store).await, "refresh-1-0");
    (world, store, told)
}

#[track_caller]
fn is_unsaved(session: &ClientSession) -> bool {
    let unsaved = session.status().unsaved;
    assert!(
        unsaved
            .as_ref()
            .is_none_or(|error| error.kind() == ClientErrorKind::Store)
    );
    unsaved.is_some()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_presented_while_its_successor_could_not_be_kept() {
    let (world, store, told) = world().await;
    store.fail_prepares(true);
    sleep(LIFETIME).await;
    for times in 1..4 {
        let error = world.session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Store);
        assert!(!error.is_signed_out());
        assert_eq!(told.times(), times);
        sleep(Duration::from_secs(60)).await;
    }
    world.asked([]);
    assert!(!is_unsaved(&world.session), "the store has the newest");
    store.fail_prepares(false);
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
    assert_eq!(kept(&store).await, "refresh-1-1");
}

/// The hook is told while there is still time to mend it.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told_before_the_token_expires() {
    let (world, store, told) = world().await;
    store.fail_prepares(true);
    sleep(LIFETIME.mul_f64(0.85)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    settle().await;
    assert_eq!(told.times(), 1);
    assert_eq!(
        world.session.status().failure.unwrap().kind(),
        ClientErrorKind::Store
    );
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked([]);
}

#[tokio::test(start_paused = true)]
async fn unsaved_tokens_are_used_and_told() {
    let (world, _store, told) = unsaved().await;
    assert!(is_unsaved(&world.session));
    assert_eq!(told.times(), 1);
    let status = world.session.status();
    assert!(status.is_signed_in() && status.failure.is_some());
    assert!(world.ends.told().is_empty());
}

/// The second one would be one generation more that the store knows nothing of.
#[tokio::test(start_paused = true)]
async fn unsaved_tokens_are_not_presented() {
    let (world, store, told) = unsaved().await;
    for _ in 0..20 {
        sleep(LIFETIME).await;
        let error = world.session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Store);
    }
    world.asked([]);
    assert_eq!(told.times(), 21);
    store.fail_saves(false);
    sleep(LIFETIME).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
    assert_eq!(kept(&store).await, "refresh-1-2");
    assert!(!is_unsaved(&world.session));
}

/// The access token is fresh, and the request does not wait.
#[tokio::test(start_paused = true)]
async fn the_next_request_saves_what_is_unsaved() {
    let (world, store, told) = unsaved().await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    settle().await;
    assert_eq!(
        (kept(&store).await.as_str(), told.times()),
        ("refresh-1-0", 2)
    );
    // Not at each request.
    for _ in 0..10 {
        assert_eq!(world.get("/").await.unwrap(), 200);
    }
    assert_eq!(told.times(), 2);
    store.fail_saves(false);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    settle().await;
    assert_eq!(kept(&store).await, "refresh-1-1");
    assert!(!is_unsaved(&world.session));
    world.asked([]);
}

#[tokio::test(start_paused = true)]
async fn settle_saves_what_is_unsaved_or_says_that_it_cannot() {
    let (world, store, _told) = unsaved().await;
    let error = world.session.settle().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Store);
    assert!(is_unsaved(&world.session));
    store.fail_saves(false);
    world.session.settle().await.unwrap();
    assert_eq!(kept(&store).await, "refresh-1-1");
    assert!(!is_unsaved(&world.session));
    world.session.settle().await.unwrap();
    world.asked([]);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_saves_what_is_unsaved_when_it_is_dropped() {
    let (world, store, _told) = unsaved().await;
    store.fail_saves(false);
    let clone = world.session.clone();
    drop(world.session);
    settle().await;
    assert_eq!(kept(&store).await, "refresh-1-0", "a clone lives");
    drop(clone);
    settle().await;
    assert_eq!(kept(&store).await, "refresh-1-1");
}

/// It would present a token that has been used.
#[tokio::test(start_paused = true)]
async fn no_other_process_refreshes_while_tokens_are_unsaved() {
    let (world, store, _told) = unsaved().await;
    let other = builder(&world.server).store(store.clone()).build().unwrap();
    sleep(LIFETIME).await;
    let waiting: JoinHandle<_> = tokio::spawn(async move { other.access_token().await });
    for _ in 0..5 {
        sleep(Duration::from_secs(60)).await;
        assert!(world.session.access_token().await.is_err());
        assert!(!waiting.is_finished());
    }
    world.asked([]);
    store.fail_saves(false);
    world.session.settle().await.unwrap();
    waiting.await.unwrap().unwrap();
    world.asked(["refresh"]);
    assert_eq!(kept(&store).await, "refresh-1-2");
}

/// Another program that heeds no lock has put tokens into the store: they are not overwritten.
#[tokio::test(start_paused = true)]
async fn newer_tokens_in_the_store_are_taken_instead() {
    let (world, store, _told) = unsaved().await;
    let login = world.server.login();
    let elsewhere = MemoryTokenStore::new();
    let other = builder(&world.server)
        .store(elsewhere.clone())
        .build()
        .unwrap();
    other.sign_in(login).await.unwrap();
    let tokens = elsewhere.load().await.unwrap().unwrap();
    // The lock of another store is as good as none.
    let mut unlocked = elsewhere.lock().await.unwrap();
    store.store.save(&mut unlocked, &tokens).await.unwrap();
    store.fail_saves(false);
    world.session.settle().await.unwrap();
    assert_eq!(kept(&store).await, "refresh-2-0");
    assert!(!is_unsaved(&world.session));
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked([]);
}

#[tokio::test(start_paused = true)]
async fn a_logout_revokes_what_is_unsaved() {
    let (world, store, _told) = unsaved().await;
    world.session.logout().await.unwrap();
    world.asked(["revoke"]);
    assert!(store.store.load().await.unwrap().is_none());
    assert!(!is_unsaved(&world.session));
    // The lock is free.
    store.fail_saves(false);
    let other = builder(&world.server).store(store.clone()).build().unwrap();
    other.sign_in(world.server.login()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_takes_the_place_of_what_is_unsaved() {
    let (world, store, _told) = unsaved().await;
    let login = world.server.login();
    let error = world.session.sign_in(login.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Store);
    assert!(is_unsaved(&world.session), "nothing has changed");
    store.fail_saves(false);
    world.session.sign_in(login).await.unwrap();
    assert_eq!(kept(&store).await, "refresh-2-0");
    assert!(!is_unsaved(&world.session));
    let other = builder(&world.server).store(store.clone()).build().unwrap();
    sleep(LIFETIME).await;
    other.access_token().await.unwrap();
    world.asked(["refresh"]);
}

/// Nothing of it stays behind.
#[tokio::test(start_paused = true)]
async fn a_session_that_ends_elsewhere_while_tokens_are_unsaved_is_over() {
    let (world, store, _told) = unsaved().await;
    store.store.clear().await.unwrap();
    store.fail_saves(false);
    world.session.settle().await.unwrap();
    assert!(store.store.load().await.unwrap().is_none());
    sleep(LIFETIME).await;
    assert!(
        world
            .session
            .access_token()
            .await
            .unwrap_err()
            .is_signed_out()
    );
    assert_eq!(world.ends.told(), [EndReason::Elsewhere]);
    world.asked([]);
}

/// What is wrong with an answer and what is wrong with the store are two things.
#[tokio::test(start_paused = true)]
async fn a_refresh_token_of_an_odd_answer_is_not_lost_when_it_cannot_be_saved() {
    let (world, store, told) = world().await;
    sleep(LIFETIME).await;
    store.fail_saves(true);
    let next = world.server.rotate(1);
    let answer = format!(r#"{{"refresh_token":"{next}"}}"#);
    world.server.fail([Fault::json(200, &answer)]);
    let error = world.session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Malformed);
    assert!(is_unsaved(&world.session));
    assert_eq!(told.times(), 1);
    store.fail_saves(false);
    world.session.settle().await.unwrap();
    assert_eq!(kept(&store).await, next);
}

/// A program calls it before it sends its user to a login whose tokens it could not keep.
#[tokio::test(start_paused = true)]
async fn a_store_can_be_checked_before_a_login() {
    let store = Faulty::default();
    let world = world_with(|builder| builder.store(store.clone()));
    world.session.check_store().await.unwrap();
    store.fail_prepares(true);
    let error = world.session.check_store().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Store);
    store.fail_prepares(false);
    world.sign_in().await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_spoils_no_refresh() {
    let store = Faulty::default();
    let world = world_with(|it| {
        it.store(store.clone())
            .on_save_failed(|_| panic!("as told"))
    });
    world.sign_in().await;
    store.fail_saves(true);
    sleep(LIFETIME).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    assert!(is_unsaved(&world.session));
}
