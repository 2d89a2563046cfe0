//! Clients that hang up, and runtimes that go: what ends a session goes on to its end, and the
//! application learns of it.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use tower_bearer::{
    bearer::Admission,
    session::{EndReason, Reuse, SessionEventKind},
    store::MemoryStore,
    testing::Fault,
};

use crate::{
    stepping::{Stepping, Steps},
    support::*,
};

fn world_that_yields() -> World<Stepping<MemoryStore>> {
    let clock = clock();
    let store = Stepping::new(MemoryStore::with_clock(clock.clone()), Steps::Split);
    world_on(store, clock, |builder| builder)
}

/// Polls until the work has been handed over, and hangs up.
fn start_and_hang_up<T>(work: impl Future<Output = T>, polls: usize) {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        assert!(work.as_mut().poll(&mut context).is_pending());
    }
}

async fn others_get_their_turn() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn logout_everywhere_goes_on_when_the_client_hangs_up() {
    let world = world_that_yields();
    let tokens = world.login().await;
    start_and_hang_up(world.sessions.end_all("anna"), 1);
    others_get_their_turn().await;
    let token = world.verified(&tokens.access_token);
    assert_eq!(admit(&world.sessions, &token), Admission::Ended);
    let ended = SessionEventKind::Ended(EndReason::Logout);
    assert_eq!(world.kinds(), [SessionEventKind::Started, ended]);
}

#[tokio::test]
async fn a_thief_who_hangs_up_is_told_of_all_the_same() {
    let world = world_that_yields();
    let stolen = world.login().await;
    let second = rotate(&world, &stolen).await;
    world.wait(21);
    let third = rotate(&world, &second).await;
    // Load, decide, hand over.
    start_and_hang_up(world.present(&stolen.refresh_token), 3);
    others_get_their_turn().await;
    let token = world.verified(&third.access_token);
    assert_eq!(admit(&world.sessions, &token), Admission::Ended);
    let told = world.kinds();
    assert!(
        told.contains(&SessionEventKind::Reused(Reuse::Older)),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_late_redelivery_is_told_though_the_client_hangs_up() {
    let world = world_that_yields();
    let old = world.login().await;
    rotate(&world, &old).await;
    world.wait(3600);
    start_and_hang_up(world.present(&old.refresh_token), 3);
    others_get_their_turn().await;
    assert!(world.kinds().contains(&SessionEventKind::LateRedelivery));
}

#[tokio::test(start_paused = true)]
async fn a_logout_that_the_store_answers_too_late_is_noted_all_the_same() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| {
        builder.store_timeout(Duration::from_secs(5))
    });
    let tokens = world.login().await;
    store.inject(Fault::delay(Duration::from_secs(30)).times(1));
    unavailable(world.sessions.end_all("anna").await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let token = world.verified(&tokens.access_token);
    assert_eq!(admit(&world.sessions, &token), Admission::Ended);
}

#[test]
fn confirmations_go_on_after_their_runtime_has_gone() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let world = world();
    let gone = runtime();
    let [first, second] = gone.block_on(async {
        let mut held = Vec::new();
        for _ in 0..2 {
            let login = world.login().await;
            held.push(rotate(&world, &login).await);
        }
        // The flush is spawned and never polled.
        let _ = admit(&world.sessions, &world.verified(&held[0].access_token));
        <[_; 2]>::try_from(held).unwrap()
    });
    drop(gone);
    runtime().block_on(async {
        let _ = admit(&world.sessions, &world.verified(&second.access_token));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(
            world
                .row(&first)
                .await
                .unwrap()
                .state
                .confirmed_at
                .is_some()
        );
        assert!(
            world
                .row(&second)
                .await
                .unwrap()
                .state
                .confirmed_at
                .is_some()
        );
    });
}
