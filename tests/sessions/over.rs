//! What lives longer than a request ends with its access token or its session.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower_bearer::{
    clock::{Clock, ManualClock, SystemClock},
    session::{FeedOptions, OverReason, SessionOver},
    store::{MemoryStore, SessionStore},
};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);

/// Sessions by the system's clock, which the future goes by.
fn now() -> World {
    let clock = ManualClock::new(SystemClock.now());
    world_on(MemoryStore::with_clock(clock.clone()), clock, |builder| {
        builder
    })
}

async fn is_open(over: &mut SessionOver) -> bool {
    timeout(SECOND, over).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_the_token_expires() {
    let world = now();
    let token = world.verified(&world.login().await.access_token);
    let began = Instant::now();
    assert_eq!(world.sessions.over(&token).await, OverReason::Expired);
    let took = began.elapsed();
    assert!((590 * SECOND..=600 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_the_session_is_ended_in_any_way() {
    let world = now();
    let (mut tokens, mut open) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let login = world.login().await;
        open.push(world.sessions.over(&world.verified(&login.access_token)));
        open.push(world.sessions.over(&world.verified(&login.access_token)));
        tokens.push(login);
    }
    world.sessions.end(sid(&tokens[0]), "anna").await.unwrap();
    world
        .sessions
        .revoke(tokens[1].refresh_token.expose(), None)
        .await
        .unwrap();
    world.sessions.note_ended(sid(&tokens[2]));
    for over in open.drain(..6) {
        assert_eq!(timeout(SECOND, over).await, Ok(OverReason::Ended));
    }
    let mut last = open.pop().unwrap();
    assert!(is_open(&mut last).await);
    world.sessions.end_all("anna").await.unwrap();
    assert_eq!(timeout(SECOND, last).await, Ok(OverReason::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_ended_before_is_over_at_once() {
    let world = now();
    let login = world.login().await;
    world.sessions.end(sid(&login), "anna").await.unwrap();
    let over = world.sessions.over(&world.verified(&login.access_token));
    assert_eq!(timeout(SECOND, over).await, Ok(OverReason::Ended));
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_another_process_ends_the_session() {
    let there = now();
    let store = there.sessions.store().clone();
    let here = world_on(store, there.clock.clone(), |builder| builder);
    let login = there.login().await;
    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    let mut over = here.sessions.over(&here.verified(&login.access_token));
    assert!(is_open(&mut over).await);
    there.sessions.end(sid(&login), "anna").await.unwrap();
    assert_eq!(timeout(SECOND, over).await, Ok(OverReason::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_token_of_no_session_is_over_when_it_expires() {
    let world = now();
    let claims = world
        .sessions
        .issuer()
        .claims("anna", world.clock.now(), 60 * SECOND);
    let token = world.sessions.issuer().sign(&claims).unwrap();
    let over = world.sessions.over(&world.verified(&token));
    assert_eq!(timeout(61 * SECOND, over).await, Ok(OverReason::Expired));
}

#[tokio::test(start_paused = true)]
async fn those_of_other_sessions_stay_open_also_when_all_sessions_are_gone() {
    let world = now();
    let (one, other) = (world.login().await, world.login().await);
    let mut over = world.sessions.over(&world.verified(&one.access_token));
    world.sessions.end(sid(&other), "anna").await.unwrap();
    assert!(is_open(&mut over).await);
    drop(world);
    assert!(is_open(&mut over).await);
    sleep(600 * SECOND).await;
    assert_eq!(over.await, OverReason::Expired);
}

fn sends<T: Send + Sync + 'static>(_: &T) {}

#[tokio::test]
async fn it_can_be_kept_anywhere() {
    async fn of<St: SessionStore>(world: &World<St>) {
        let over = world
            .sessions
            .over(&world.verified(&world.login().await.access_token));
        sends(&over);
    }
    of(&now()).await;
}
