//! Many callers at once, and callers that go away.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use tokio::{sync::Barrier, task::JoinSet};
use tower_bearer::store::{RevokeReason, Revoked, SessionStore, Swap};

use super::*;

pub(crate) async fn of_many_swaps_one_wins<St: SessionStore>(setup: Setup<St>) {
    const TASKS: u32 = 100;
    let first = session(1, "ada");
    setup.insert(&first).await;
    let start = Arc::new(Barrier::new(TASKS as usize));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, start) = (setup.store.clone(), start.clone());
        let mut next = rotated(&first, START);
        next.late = task;
        tasks.spawn(async move {
            start.wait().await;
            (store.swap(0, &next).await.unwrap(), next)
        });
    }
    let outcomes = tasks.join_all().await;
    let mut won = outcomes.iter().filter(|(swap, _)| *swap == Swap::Swapped);
    let (_, winner) = won.next().expect("one wins");
    assert_eq!(won.count(), 0, "one wins only");
    assert!(setup.load(first.id).await == *winner);
}

pub(crate) async fn no_update_is_lost<St: SessionStore>(setup: Setup<St>) {
    const TASKS: u32 = 8;
    const TURNS: u32 = 25;
    setup.insert(&session(1, "ada")).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = setup.store.clone();
        tasks.spawn(async move {
            let mut turns = 0;
            while turns < TURNS {
                let kept = store.load(id(1)).await.unwrap().session.unwrap();
                let swap = store
                    .swap(kept.version, &rotated(&kept, START))
                    .await
                    .unwrap();
                turns += u32::from(swap == Swap::Swapped);
            }
        });
    }
    tasks.join_all().await;
    let kept = setup.load(id(1)).await;
    assert_eq!(
        (kept.generation, kept.version),
        (TASKS * TURNS, u64::from(TASKS * TURNS))
    );
}

pub(crate) async fn nothing_changes_after_the_end<St: SessionStore>(setup: Setup<St>) {
    for round in 0..20 {
        let id = id(round);
        setup.insert(&session(round, "ada")).await;
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let store = setup.store.clone();
            tasks.spawn(async move { rotate_until_revoked(&*store, id).await });
            let store = setup.store.clone();
            tasks.spawn(async move { confirm_until_revoked(&*store, id).await });
        }
        // Some rounds end the session in the middle of it all, some at once.
        while u128::from(setup.load(id).await.generation) < round {
            tokio::task::yield_now().await;
        }
        assert!(setup.store.end(id, RevokeReason::Logout).await.unwrap());
        let ended = setup.load(id).await;
        assert_eq!(
            ended.revoked,
            Some(Revoked::new(START, RevokeReason::Logout))
        );
        tasks.join_all().await;
        assert!(setup.load(id).await == ended, "{ended:?} was changed");
    }
}

/// Forgets on purpose that it has seen the session revoked, once.
async fn rotate_until_revoked<St: SessionStore>(store: &St, id: SessionId) {
    loop {
        let kept = store.load(id).await.unwrap().session.unwrap();
        let mut next = rotated(&kept, START);
        next.revoked = None;
        let swap = store.swap(kept.version, &next).await.unwrap();
        if kept.revoked.is_some() {
            return assert_eq!(swap, Swap::Lost, "a revoked session was swapped");
        }
    }
}

async fn confirm_until_revoked<St: SessionStore>(store: &St, id: SessionId) {
    loop {
        let kept = store.load(id).await.unwrap().session.unwrap();
        store.confirm(&[(id, kept.generation)]).await.unwrap();
        if kept.revoked.is_some() {
            return;
        }
    }
}

pub(crate) async fn of_many_ends_one_wins<St: SessionStore>(setup: Setup<St>) {
    for number in 0..10 {
        setup.insert(&session(number, "ada")).await;
    }
    let mut tasks = JoinSet::new();
    for task in 0..20 {
        let store = setup.store.clone();
        tasks.spawn(async move {
            if task % 2 == 0 {
                return store
                    .end_all(ISSUER, "ada", RevokeReason::Logout)
                    .await
                    .unwrap();
            }
            let mut ended = Vec::new();
            for id in (0..10).map(id) {
                ended.extend(
                    store
                        .end(id, RevokeReason::Reuse)
                        .await
                        .unwrap()
                        .then_some(id),
                );
            }
            ended
        });
    }
    let mut ended = tasks.join_all().await.concat();
    ended.sort();
    assert_eq!(
        ended,
        (0..10).map(id).collect::<Vec<_>>(),
        "each is told to have ended once"
    );
}

pub(crate) async fn a_dropped_future_leaves_the_store_whole<St: SessionStore>(setup: Setup<St>) {
    let store = &setup.store;
    for polls in 0..40_u32 {
        let first = session(u128::from(polls), "ada");
        abandon(store.insert(&first), polls).await;
        // Whether it was kept or not: a client that saw no answer may do it again.
        let _ = store.insert(&first).await;
        assert!(setup.load(first.id).await == first);

        let next = rotated(&first, START);
        abandon(store.load(first.id), polls).await;
        abandon(store.list(ISSUER, "ada", None, 100), polls).await;
        abandon(store.swap(0, &next), polls).await;
        let kept = settled(&setup, first.id).await;
        assert!(kept == first || kept == next, "half a swap: {kept:?}");

        abandon(store.confirm(&[(first.id, kept.generation)]), polls).await;
        abandon(store.end(first.id, RevokeReason::Logout), polls).await;
        abandon(store.end_all(ISSUER, "ada", RevokeReason::Logout), polls).await;
        store.end(first.id, RevokeReason::Logout).await.unwrap();
        assert!(setup.load(first.id).await.revoked.is_some());
    }
    setup.clock.advance(2 * HOUR);
    abandon(store.delete_expired(30), 3).await;
    store.delete_expired(100).await.unwrap();
    for number in 0..40 {
        assert!(setup.find(id(number)).await.is_none());
    }
}

/// The session once the writes that were given up on are through: they end before a later one.
async fn settled<St: SessionStore>(setup: &Setup<St>, id: SessionId) -> Session {
    setup.store.confirm(&[(id, u32::MAX)]).await.unwrap();
    setup.load(id).await
}

/// Polls at most so many times, then drops the future.
async fn abandon(future: impl Future, polls: u32) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}
