//! Callers that go away.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_bearer::store::{SessionStore, StoreError};

use crate::{gate::Fate, support::*};

#[tokio::test]
async fn a_dropped_call_gives_its_place_back() {
    let layers = ServiceBuilder::new().concurrency_limit(1);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    let held = Arc::new(Semaphore::new(0));
    for _ in 0..3 {
        world.gate.next(is_load, Fate::Held(held.clone()));
        let served = tokio::spawn(world.refresh(&token));
        while world.gate.under_way() < 1 {
            tokio::task::yield_now().await;
        }
        // This one waits for its turn, and gives that up first.
        let waits = tokio::spawn(world.refresh(&token));
        tokio::task::yield_now().await;
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
        served.abort();
        assert!(served.await.unwrap_err().is_cancelled());
        assert_eq!(world.gate.under_way(), 0);
        assert_eq!(world.row().await.state.generation, 0);
    }
    world.refresh(&token).await.granted();
}

#[tokio::test]
async fn a_buffered_call_that_is_dropped_is_not_made() {
    let layers = ServiceBuilder::new().buffer(8).concurrency_limit(1);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    let held = Arc::new(Semaphore::new(0));
    world.gate.next(is_load, Fate::Held(held.clone()));
    let served = tokio::spawn(world.refresh(&token));
    while world.gate.under_way() < 1 {
        tokio::task::yield_now().await;
    }
    let given_up = tokio::spawn(load(world.sessions.store().clone()));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());

    held.add_permits(1);
    served.await.unwrap().granted();
    assert_eq!(world.gate.count(is_load), 1, "the other is not made");
    world.sessions.store().now().await.unwrap();
}

async fn load(store: impl SessionStore) -> Result<(), StoreError> {
    store.load(record().session.id).await.map(drop)
}
