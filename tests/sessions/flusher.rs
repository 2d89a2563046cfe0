//! The flush in the background: what stops it, and what must not leave it stopped.

use std::time::Duration;

use tower_bearer::{TokenResponse, store::SessionStore, testing::Fault};

use crate::support::*;

/// A session of generation 1, whose access token has not been used.
async fn unconfirmed<St: SessionStore>(world: &World<St>) -> TokenResponse {
    let first = world.login().await;
    world.wait(600);
    rotate(world, &first).await
}

fn on_failing() -> World<Failing> {
    let clock = clock();
    world_on(failing(&clock), clock, |builder| builder)
}

/// What an explicit flush has taken and could not write is not forgotten by the one in the
/// background, which found nothing to do meanwhile.
#[tokio::test(start_paused = true)]
async fn a_flush_by_hand_that_fails_leaves_the_background_one_going() {
    let world = on_failing();
    let held = unconfirmed(&world).await;
    world.sessions.store().inject(Fault::hang().times(1));
    let _ = admit(&world.sessions, &world.verified(&held.access_token));
    unavailable(world.sessions.flush().await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.row(&held).await.unwrap().state.confirmed_at.is_some());
}

/// The same where it is given up.
#[tokio::test(start_paused = true)]
async fn a_flush_by_hand_that_is_dropped_leaves_the_background_one_going() {
    let world = on_failing();
    let held = unconfirmed(&world).await;
    world.sessions.store().inject(Fault::hang().times(1));
    let _ = admit(&world.sessions, &world.verified(&held.access_token));
    let flush = world.sessions.flush();
    let patience = Duration::from_secs(2);
    tokio::time::timeout(patience, flush).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.row(&held).await.unwrap().state.confirmed_at.is_some());
}
