//! More calls than the store can take.

use std::sync::Arc;

use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tower::ServiceBuilder;
use tower_bearer::store::{SessionStore, StoreErrorKind};

use crate::{gate::Fate, support::*};

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_a_503_at_once_and_costs_no_session() {
    let layers = ServiceBuilder::new().load_shed().concurrency_limit(2);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    let held = Arc::new(Semaphore::new(0));
    for _ in 0..2 {
        world.gate.next(is_load, Fate::Held(held.clone()));
    }
    let mut served = JoinSet::new();
    for _ in 0..2 {
        served.spawn(world.refresh(&token));
    }
    while world.gate.under_way() < 2 {
        tokio::task::yield_now().await;
    }

    let asked = Instant::now();
    for _ in 0..50 {
        world.refresh(&token).await.unavailable();
    }
    assert_eq!(asked.elapsed().as_millis(), 0, "none has waited");
    let error = world.sessions.store().now().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert_eq!(world.gate.count(is_load), 2, "none has come through");

    held.add_permits(2);
    let served = served.join_all().await;
    let successors: Vec<_> = served.iter().map(Answer::granted).collect();
    assert_eq!(world.row().await.state.generation, 1);
    assert_eq!(world.refresh(&token).await.granted(), successors[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_limit_are_under_way() {
    let layers = ServiceBuilder::new().concurrency_limit(3);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(world.refresh(&token));
    }
    let answers = tasks.join_all().await;
    let first = answers[0].granted();
    assert!(answers.iter().all(|answer| answer.granted() == first));
    assert_eq!(world.row().await.state.generation, 1);
    let most = world.gate.most();
    assert!((1..=3).contains(&most), "{most} were under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buffer_serves_all_in_turn() {
    let layers = ServiceBuilder::new().buffer(4).timeout(TIMEOUT * 60);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(world.refresh(&token));
    }
    let answers = tasks.join_all().await;
    let first = answers[0].granted();
    assert!(answers.iter().all(|answer| answer.granted() == first));
    assert_eq!(world.row().await.state.generation, 1);
}
