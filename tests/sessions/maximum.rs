//! The maximum of sessions, with many logins at once.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tower_bearer::{
    TokenResponse,
    clock::Clock,
    session::{Grant, Overflow, Refusal, SessionErrorKind, SessionEventKind},
    store::{MemoryStore, Record, Session, SessionSecret, SessionStore},
    testing::{Fault, StoreCall},
};

use crate::support::*;

const AT_ONCE: usize = 32;
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Those of many logins at once that got tokens. All others were refused.
async fn rush<St: SessionStore>(world: &Arc<World<St>>) -> Vec<TokenResponse> {
    let mut logins = JoinSet::new();
    for _ in 0..AT_ONCE {
        let world = Arc::clone(world);
        logins.spawn(async move { world.sessions.start(Grant::new("anna")).await });
    }
    let mut tokens = Vec::new();
    for login in logins.join_all().await {
        match login {
            Ok(got) => tokens.push(got),
            Err(error) => assert_eq!(error.kind(), SessionErrorKind::TooManySessions),
        }
    }
    tokens
}

async fn refuses<St: SessionStore>(store: impl AsyncFn() -> (World<St>, usize)) {
    for _ in 0..5 {
        let (world, max) = store().await;
        let world = Arc::new(world);
        let tokens = rush(&world).await;
        assert!(tokens.len() <= max, "{} of {max} got in", tokens.len());
        let live = world.sessions.list("anna").await.unwrap().sessions;
        assert_eq!(
            live.len(),
            tokens.len(),
            "whoever was refused left a session"
        );
        let told = world.kinds();
        for tokens in &tokens {
            rotate(&world, tokens).await;
        }
        let started = |kind: &&SessionEventKind| **kind == SessionEventKind::Started;
        assert_eq!(told.iter().filter(started).count(), tokens.len());
        assert_eq!(told.len(), tokens.len(), "nothing but starts: {told:?}");
        fills_up(&world, tokens.len(), max).await;
    }
}

/// Whoever was refused left the room, so that those who come later, one after the other, have it.
async fn fills_up<St: SessionStore>(world: &World<St>, live: usize, max: usize) {
    for _ in live..max {
        world.login().await;
    }
    let refused = world.sessions.start(Grant::new("anna")).await.unwrap_err();
    assert_eq!(refused.kind(), SessionErrorKind::TooManySessions);
}

/// The oldest wait for the others to give way, though not for long: here time passes only where all wait. Each call takes
/// some, so that all look for room before anybody has a session.
#[tokio::test(start_paused = true)]
async fn of_many_logins_at_once_somebody_gets_in() {
    for max in [1, 5] {
        let clock = clock();
        let store = failing(&clock);
        let calls = [StoreCall::List, StoreCall::Insert, StoreCall::End];
        store.inject(Fault::delay(Duration::from_millis(1)).on(calls));
        let world = world_on(store.clone(), clock, |builder| {
            builder.max_sessions(max, Overflow::Refuse)
        });
        let tokens = rush(&Arc::new(world)).await;
        assert_eq!(store.count(&[StoreCall::Insert]), AT_ONCE);
        assert!(
            (1..=max).contains(&tokens.len()),
            "{} of {max} got in",
            tokens.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_logins_at_once_no_more_than_the_maximum_get_tokens() {
    for max in [1, 5] {
        refuses(async || {
            let limited = |builder: tower_bearer::session::SessionsBuilder<MemoryStore>| {
                builder.max_sessions(max, Overflow::Refuse)
            };
            (world_with(limited), max)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_logins_at_once_no_more_than_the_maximum_get_tokens_on_sqlite() {
    let (_folder, store, clock) = sqlite().await;
    let world = world_on(store, clock, |builder| {
        builder.max_sessions(5, Overflow::Refuse)
    });
    let world = Arc::new(world);
    let tokens = rush(&world).await;
    assert!(tokens.len() <= 5, "{} got in", tokens.len());
    let live = world.sessions.list("anna").await.unwrap().sessions;
    assert_eq!(live.len(), tokens.len());
    fills_up(&world, tokens.len(), 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_logins_at_once_no_more_than_the_maximum_stay() {
    for _ in 0..5 {
        let world = world_with(|builder| builder.max_sessions(5, Overflow::EvictOldest));
        let world = Arc::new(world);
        let tokens = rush(&world).await;
        assert_eq!(tokens.len(), AT_ONCE);
        let live = world.sessions.list("anna").await.unwrap().sessions;
        assert_eq!(live.len(), 5);
    }
}

#[tokio::test]
async fn a_session_that_was_refreshed_meanwhile_makes_room_too() {
    let world = world_with(|builder| builder.max_sessions(1, Overflow::EvictOldest));
    let first = world.login().await;
    world.wait(30);
    let first = rotate(&world, &first).await;
    world.login().await;
    refused(world.present(&first.refresh_token).await, Refusal::Ended);
}

/// The identifier's clock is that of a server, and the other clock has gone back since.
#[tokio::test]
async fn whoever_logs_in_is_not_the_one_who_is_ended_whatever_clocks_say() {
    for [id_ahead, store_ahead] in [[true, false], [false, true], [true, true]] {
        let world = world_with(|builder| builder.max_sessions(1, Overflow::EvictOldest));
        let (secret, now) = (SessionSecret::from_bytes([7; 32]), world.clock.now());
        let id = match id_ahead {
            true => "ffffffff-ffff-7fff-bfff-ffffffffffff",
            false => "0192d3a0-0000-7000-8000-000000000001",
        };
        let created_at = match store_ahead {
            true => now + YEAR,
            false => now,
        };
        let mut ahead = Session::new(id.parse().unwrap(), ISSUER, "anna", secret, created_at);
        ahead.ends_at = created_at + YEAR;
        world
            .sessions
            .store()
            .insert(&Record::new(ahead))
            .await
            .unwrap();
        world.wait(1);
        for _ in 0..3 {
            world.wait(1);
            let tokens = world.login().await;
            rotate(&world, &tokens).await;
            assert_eq!(world.sessions.list("anna").await.unwrap().sessions.len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_cannot_know_whether_there_is_room_keeps_no_place() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| {
        builder.max_sessions(1, Overflow::Refuse)
    });
    // The look before, the time and the insert work; the look afterwards does not.
    store.inject(down().after(3).times(1));
    unavailable(world.sessions.start(Grant::new("anna")).await);
    assert!(
        world
            .sessions
            .list("anna")
            .await
            .unwrap()
            .sessions
            .is_empty()
    );
    world.login().await;
}
