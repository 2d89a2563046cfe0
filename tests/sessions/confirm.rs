use std::time::Duration;

use tower_bearer::{
    clock::Clock,
    session::{ConfirmBy, RefreshOutcome, Refusal},
    testing::Fault,
};

use crate::support::*;

/// A session of generation 1 whose client has used its access token.
async fn seen<St: tower_bearer::store::SessionStore>(
    world: &World<St>,
) -> [tower_bearer::TokenResponse; 2] {
    let old = world.login().await;
    world.wait(600);
    let new = rotate(world, &old).await;
    let _ = admit(&world.sessions, &world.verified(&new.access_token));
    [old, new]
}

#[tokio::test(start_paused = true)]
async fn an_access_token_confirms_its_generation_within_a_second() {
    let world = world();
    let [_, new] = seen(&world).await;
    let before = world.row(&new).await.unwrap();
    assert_eq!(before.state.confirmed_at, None, "off the request's path");
    // What counts is the store's time when it is written.
    world.wait(3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let row = world.row(&new).await.unwrap();
    assert_eq!(row.state.confirmed_at, Some(world.clock.now()));
    assert_eq!(row.state.version, before.state.version + 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_write_once() {
    let world = world();
    let [_, new] = seen(&world).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let written = world.row(&new).await.unwrap();
    for _ in 0..1000 {
        let _ = admit(&world.sessions, &world.verified(&new.access_token));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.row(&new).await.unwrap(), written);
}

#[tokio::test(start_paused = true)]
async fn a_failed_flush_is_tried_again() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let [_, new] = seen(&world).await;
    store.inject(down().times(3));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(store.is_sound());
    assert!(world.row(&new).await.unwrap().state.confirmed_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_hangs_is_given_up_and_tried_again() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let [_, new] = seen(&world).await;
    store.inject(Fault::hang().times(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.row(&new).await.unwrap().state.confirmed_at.is_some());
}

#[tokio::test]
async fn flush_writes_at_once_for_a_shutdown() {
    let world = world();
    let [_, new] = seen(&world).await;
    world.sessions.flush().await.unwrap();
    assert!(world.row(&new).await.unwrap().state.confirmed_at.is_some());
}

/// An older access token is good beside a newer one. While the store fails, so many others may come
/// that nobody knows which of the two was seen.
#[tokio::test]
async fn an_older_generation_does_not_push_a_newer_one_out() {
    let world = world();
    let [_, older] = seen(&world).await;
    world.wait(600);
    let newer = rotate(&world, &older).await;
    let _ = admit(&world.sessions, &world.verified(&newer.access_token));
    let mut other = world.claims(&newer.access_token);
    let (issuer, verifier) = world.another_issuer();
    for number in 0..40_000_u128 {
        let id = tower_bearer::SessionId::from_uuid(uuid::Uuid::from_u128(number));
        other.sid = Some(id.to_string());
        let token = issuer.sign(&other).unwrap();
        let _ = admit(&world.sessions, &verifier.verify(token.expose()).unwrap());
    }
    let _ = admit(&world.sessions, &world.verified(&older.access_token));
    world.sessions.flush().await.unwrap();
    assert!(
        world
            .row(&newer)
            .await
            .unwrap()
            .state
            .confirmed_at
            .is_some()
    );
}

#[tokio::test]
async fn a_generation_that_has_passed_is_not_confirmed() {
    let world = world();
    let [_, new] = seen(&world).await;
    world.wait(600);
    let newest = rotate(&world, &new).await;
    world.sessions.flush().await.unwrap();
    assert!(
        world
            .row(&newest)
            .await
            .unwrap()
            .state
            .confirmed_at
            .is_none()
    );
}

#[tokio::test]
async fn behind_a_rendering_server_the_access_token_confirms_nothing() {
    let world = world_with(|builder| builder.confirm_by(ConfirmBy::Successor));
    let [old, new] = seen(&world).await;
    world.sessions.flush().await.unwrap();
    assert!(world.row(&new).await.unwrap().state.confirmed_at.is_none());
    world.wait(3600);
    rotate(&world, &old).await;
    // The successor itself does: within its window, and by moving on.
    world.wait(5);
    world.present(&new.refresh_token).await.unwrap();
    assert!(world.row(&new).await.unwrap().state.confirmed_at.is_some());
    world.wait(11);
    refused(world.present(&old.refresh_token).await, Refusal::Reused);
}

#[test]
fn a_guard_outside_a_runtime_keeps_its_confirmations_for_later() {
    let world = world();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (old, new) = runtime.block_on(async {
        let old = world.login().await;
        (old.clone(), rotate(&world, &old).await)
    });
    let _ = admit(&world.sessions, &world.verified(&new.access_token));
    runtime.block_on(async {
        world.sessions.flush().await.unwrap();
        assert!(world.row(&old).await.unwrap().state.confirmed_at.is_some());
    });
}

/// One tab has the successor and uses it while another's request is still on its way.
#[tokio::test]
async fn an_overtaken_tab_gets_the_same_successor_for_a_window_after_the_confirmation() {
    let world = world();
    let [old, new] = seen(&world).await;
    world.wait(3600);
    world.sessions.flush().await.unwrap();
    world.wait(10);
    let overtaken = world.present(&old.refresh_token).await.unwrap();
    assert_eq!(overtaken.outcome, RefreshOutcome::Redelivered);
    assert_eq!(refresh_payload(&overtaken.tokens), refresh_payload(&new));
    assert_eq!(world.row(&new).await.unwrap().state.late, 1);
    // It had its answer within a window of that at most.
    world.wait(11);
    refused(world.present(&old.refresh_token).await, Refusal::Reused);
}
