//! One refresh at a time, for all who wait.

use std::{error::Error, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower_bearer_client::{ClientErrorKind, MemoryTokenStore, RequestError, TokenStore};

use crate::support::{Fault, LIFETIME, World, settle, world, world_with};

const MANY: usize = 1000;

/// Starts that many requests at once.
fn requests(world: &World, count: usize) -> JoinSet<Result<u16, RequestError<std::io::Error>>> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let request = world.get("/");
        requests.spawn(async move { Ok(request.await?.as_u16()) });
    }
    requests
}

async fn kinds(world: &World, count: usize) -> Vec<ClientErrorKind> {
    let outcomes = requests(world, count).join_all().await;
    let kind = |outcome: Result<_, _>| match outcome {
        Err(RequestError::Token(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(kind).collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_with_a_dead_token_cause_one_refresh() {
    let world = world().await;
    sleep(LIFETIME).await;
    let statuses = requests(&world, MANY).join_all().await;
    assert!(
        statuses
            .iter()
            .all(|status| *status.as_ref().unwrap() == 200)
    );
    world.asked(["refresh"]);
    let seen = world.server.seen();
    assert_eq!(seen.len(), MANY);
    let new = Some("access-2".to_owned());
    assert!(
        seen.iter().all(|(_, token)| *token == new),
        "nothing went out with the old token"
    );
}

/// Some are on their way with the old token when it dies, some come as it dies, some after.
#[tokio::test(start_paused = true)]
async fn a_thousand_requests_across_an_expiry_cause_one_refresh() {
    let world = world().await;
    world.server.latency(Duration::from_secs(1));
    // Up to here no request starts one; the last of them come when it is due for sure.
    sleep(LIFETIME.mul_f64(0.699)).await;
    let mut all = JoinSet::new();
    for number in 0..MANY {
        let request = world.get("/");
        all.spawn(async move {
            sleep(LIFETIME.mul_f64(0.35 * number as f64 / MANY as f64)).await;
            request.await.unwrap().as_u16()
        });
    }
    assert!(all.join_all().await.iter().all(|status| *status == 200));
    world.asked(["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_refused_requests_cause_one_refresh() {
    let world = world().await;
    world.server.forget_access_tokens();
    let statuses = requests(&world, MANY).join_all().await;
    assert!(
        statuses
            .iter()
            .all(|status| *status.as_ref().unwrap() == 200)
    );
    world.asked(["refresh"]);
    assert_eq!(world.server.seen().len(), 2 * MANY);
}

/// On many threads, by the real clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_on_threads_cause_one_refresh() {
    let world = world().await;
    world.server.forget_access_tokens();
    let statuses = requests(&world, MANY).join_all().await;
    assert!(
        statuses
            .iter()
            .all(|status| *status.as_ref().unwrap() == 200)
    );
    world.asked(["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_cancels_nothing() {
    let world = world().await;
    world.server.latency(Duration::from_secs(4));
    sleep(LIFETIME).await;
    let impatient = timeout(Duration::from_secs(1), world.get("/")).await;
    assert!(impatient.is_err());
    let started = Instant::now();
    assert_eq!(world.get("/").await.unwrap(), 200);
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "it joined the refresh under way"
    );
    world.asked(["refresh"]);
}

/// Also where nobody at all waits any more.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_nobody_waits_for_is_kept() {
    let world = world().await;
    sleep(LIFETIME).await;
    drop(timeout(Duration::from_millis(1), world.get("/")).await);
    settle().await;
    world.asked(["refresh"]);
    assert!(world.session.status().expires_in.unwrap() > LIFETIME / 2);
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked([]);
}

/// A program that makes one request and ends is not to take a refresh with it.
#[test]
fn a_program_that_ends_can_wait_for_the_refresh() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    let store = MemoryTokenStore::new();
    let world = runtime.block_on(async {
        let world = world_with(|builder| builder.store(store.clone()));
        world.sign_in().await;
        sleep(LIFETIME.mul_f64(0.85)).await;
        world.session.settle().await.unwrap();
        assert_eq!(world.get("/").await.unwrap(), 200);
        world.asked([]);
        world.session.settle().await.unwrap();
        world
    });
    drop(runtime);
    world.asked(["refresh"]);
    let kept = store.load();
    let kept = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(kept);
    let kept = serde_json::to_value(kept.unwrap().unwrap()).unwrap();
    assert_eq!(kept["refresh_token"], "refresh-1-1");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_and_not_repeated_at_once() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail(vec![Fault::Unreachable; 3]);
    let expected = vec![ClientErrorKind::Unreachable; MANY];
    assert_eq!(kinds(&world, MANY).await, expected);
    world.asked(["unreachable"; 3]);
    // Half of the first back-off is sure.
    sleep(Duration::from_millis(400)).await;
    assert_eq!(kinds(&world, MANY).await, expected);
    world.asked([]);
    let status = world.session.status();
    assert!(status.is_signed_in() && status.retry_in.unwrap() < Duration::from_secs(1));
    assert_eq!(status.failure.unwrap().kind(), ClientErrorKind::Unreachable);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
    assert!(world.ends.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn failures_come_ever_further_apart_but_not_for_ever() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail(vec![Fault::status(500); 10_000]);
    let start = Instant::now();
    let mut refreshes = 0;
    while start.elapsed() < Duration::from_secs(3600) {
        let _ = world.get("/").await;
        sleep(Duration::from_millis(100)).await;
        refreshes += world.server.log().len();
    }
    // One to two a minute in the long run, of one exchange each.
    assert!((60..=140).contains(&refreshes), "{refreshes}");
}

#[tokio::test(start_paused = true)]
async fn the_cause_is_kept() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail(vec![Fault::Unreachable; 3]);
    let error = world.get("/").await.unwrap_err();
    let mut told = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        told.push(source.to_string());
        next = source.source();
    }
    assert_eq!(
        told,
        [
            "there is no access token for the request",
            "the token endpoint cannot be reached",
            "connection refused",
        ]
    );
}

/// Those who wait are told, and it is tried again as after any other failure.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_panics_leaves_nobody_waiting() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail([Fault::Panics]);
    for _ in 0..10 {
        assert_eq!(kinds(&world, 10).await, [ClientErrorKind::Interrupted; 10]);
    }
    world.asked(["panics"]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
}

/// A refresh dies with its runtime; the session lives on another one.
#[test]
fn a_refresh_whose_runtime_is_gone_leaves_nobody_waiting() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let first = runtime();
    let world = first.block_on(async {
        let world = world().await;
        world.server.forget_access_tokens();
        world.server.fail([Fault::Silent]);
        let waited = timeout(Duration::from_millis(100), world.get("/")).await;
        assert!(waited.is_err());
        world
    });
    drop(first);
    assert_eq!(runtime().block_on(world.get("/")).unwrap(), 200);
    world.asked(["silent", "refresh"]);
}

#[test]
fn without_a_runtime_the_error_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(async {
        let world = world().await;
        world.session.logout().await.unwrap();
        world
    });
    let mut token = std::pin::pin!(world.session.access_token());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = token.as_mut().poll(&mut cx) else {
        panic!("there is no token to be had")
    };
    assert_eq!(error.kind(), ClientErrorKind::NoRuntime);
}
