//! One shard is down: what that costs, and what it does not.

use std::{
    future::ready,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use super::*;

/// Two shards with three sessions each of one subject, of which the first is down now.
async fn half_down() -> (
    ShardedStore,
    [Vec<SessionId>; 2],
    Arc<AtomicBool>,
    ManualClock,
) {
    let (switch, clock) = (Arc::new(AtomicBool::new(false)), ManualClock::new(START));
    let memory = || MemoryStore::with_clock(clock.clone());
    let is_down = switch.clone();
    let down = before(memory(), move |_| {
        ready(match is_down.load(Relaxed) {
            true => Err(StoreErrorKind::Unavailable.into()),
            false => Ok(()),
        })
    });
    let store = ShardedStore::builder()
        .shard("down", down)
        .shard("up", memory());
    let store = store.open().await.unwrap();
    let mut ids = [Vec::new(), Vec::new()];
    for number in 1..=100 {
        let Some(Home::Settled(shard)) = store.0.home(id(number)) else {
            panic!("nothing changes");
        };
        let ids = &mut ids[usize::from(shard.name == "down")];
        if ids.len() < 3 {
            store.insert(&record(id(number))).await.unwrap();
            ids.push(id(number));
        }
    }
    switch.store(true, Relaxed);
    (store, ids, switch, clock)
}

fn is_down<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn only_its_own_sessions_are_not_served() {
    let (store, [up, down], ..) = half_down().await;
    store.now().await.unwrap();
    let Loaded { record, now } = store.load(up[0]).await.unwrap();
    let state = record.unwrap().state;
    let next = SessionState {
        version: state.next_version(now),
        ..state.clone()
    };
    let swap = store.swap(up[0], state.version, &next).await.unwrap();
    assert_eq!(swap, Swap::Swapped);
    assert!(store.end(up[1], EndReason::Logout).await.unwrap());

    is_down(store.load(down[0]).await);
    is_down(store.swap(down[0], state.version, &next).await);
    is_down(store.end(down[1], EndReason::Logout).await);
}

#[tokio::test]
async fn what_concerns_all_shards_is_not_answered_by_half() {
    let (store, ..) = half_down().await;
    is_down(store.list(ISSUER, "anna", None, 10).await);
    is_down(store.ended_since(START, None, 10).await);
}

#[tokio::test]
async fn what_can_be_ended_is_ended_and_the_rest_when_it_is_back() {
    let (store, [up, mut down], switch, _) = half_down().await;
    is_down(store.end_all(ISSUER, "anna", None, EndReason::Logout).await);
    for id in up {
        let state = store.load(id).await.unwrap().record.unwrap().state;
        assert!(state.ended.is_some());
    }
    switch.store(false, Relaxed);
    let mut ended = store
        .end_all(ISSUER, "anna", None, EndReason::Logout)
        .await
        .unwrap();
    ended.sort();
    down.sort();
    assert_eq!(ended, down);
}

#[tokio::test]
async fn the_others_are_cleaned_up_and_confirmed() {
    let (store, [up, down], _, clock) = half_down().await;
    is_down(store.confirm(&[(down[0], 0), (up[0], 0)]).await);
    let state = store.load(up[0]).await.unwrap().record.unwrap().state;
    assert!(state.confirmed_at.is_some());

    is_down(store.delete_expired(10).await);
    clock.advance(Duration::from_secs(91 * 86_400));
    assert_eq!(store.delete_expired(10).await.unwrap(), 3);
}

/// Shares that one shard does not use up go to the other.
#[tokio::test]
async fn no_more_and_no_less_than_the_limit_is_deleted() {
    for (limit, due) in [
        (0, 0),
        (1, 1),
        (4, 4),
        (5, 5),
        (6, 6),
        (7, 6),
        (usize::MAX, 6),
    ] {
        let (store, _, switch, clock) = half_down().await;
        switch.store(false, Relaxed);
        clock.advance(Duration::from_secs(91 * 86_400));
        assert_eq!(store.delete_expired(limit).await.unwrap(), due);
    }
}
