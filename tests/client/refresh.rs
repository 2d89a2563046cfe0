//! When a token is refreshed, and what becomes of the requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::clock::{Clock, ManualClock, SystemClock};
use tower_bearer_client::{ClientErrorKind, MemoryTokenStore, NewTokens, RequestError};

use crate::support::{
    API, Answering, Body, Fault, LIFETIME, LayerOn, builder, get, settle, world, world_with,
};

#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_used() {
    let world = world().await;
    sleep(LIFETIME.mul_f64(0.69)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    settle().await;
    world.asked([]);
}

/// The request that finds it due does not wait.
#[tokio::test(start_paused = true)]
async fn a_refresh_comes_ahead_of_the_end_and_beside_the_request() {
    let world = world().await;
    world.server.latency(Duration::from_secs(5));
    sleep(LIFETIME.mul_f64(0.81)).await;
    for _ in 0..3 {
        assert_eq!(world.get("/").await.unwrap(), 200);
    }
    world.asked([]);
    assert!(world.session.status().is_refreshing);
    sleep(Duration::from_secs(6)).await;
    world.asked(["refresh"]);
    world.server.seen();
    assert_eq!(world.get("/").await.unwrap(), 200);
    let token = Some("access-2".to_owned());
    assert_eq!(world.server.seen(), [("/".to_owned(), token)]);
}

/// A program that sends one request a run would otherwise always wait for a token that has expired.
#[tokio::test(start_paused = true)]
async fn the_first_request_of_a_process_starts_the_refresh_that_is_due() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    let run = async || {
        let session = builder(&world.server).store(store.clone()).build().unwrap();
        let token = session.access_token().await.unwrap();
        session.settle().await.unwrap();
        token.expose().to_owned()
    };
    assert_eq!(run().await, "access-1");
    world.asked([]);
    sleep(LIFETIME.mul_f64(0.81)).await;
    assert_eq!(run().await, "access-1");
    world.asked(["refresh"]);
    assert_eq!(run().await, "access-2");
    world.asked([]);
}

#[tokio::test(start_paused = true)]
async fn many_clients_do_not_come_back_together() {
    let mut early = 0;
    for _ in 0..64 {
        let world = world().await;
        sleep(LIFETIME.mul_f64(0.75)).await;
        world.get("/").await.unwrap();
        settle().await;
        early += world.server.log().len();
    }
    // Half of them, give or take: all or none has a chance of 2^-63.
    assert!((1..64).contains(&early), "{early}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_with_a_dead_token() {
    let world = world().await;
    sleep(LIFETIME).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    let token = Some("access-2".to_owned());
    assert_eq!(world.server.seen(), [("/".to_owned(), token)]);
    world.asked(["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_asks_for_nothing() {
    let world = world().await;
    sleep(LIFETIME * 100).await;
    world.asked([]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_refreshed_and_the_request_sent_again() {
    let world = world().await;
    world.server.forget_access_tokens();
    assert_eq!(world.get("/a").await.unwrap(), 200);
    world.asked(["refresh"]);
    let tokens = ["access-1", "access-2"].map(|token| ("/a".to_owned(), Some(token.to_owned())));
    assert_eq!(world.server.seen(), tokens);
}

/// Ten requests with the old token are answered with a 401 one after the other; the first one
/// refreshes, the others only take the new token.
#[tokio::test(start_paused = true)]
async fn a_late_401_for_an_older_token_does_not_refresh_again() {
    let world = world().await;
    let turn = Arc::new(AtomicUsize::new(0));
    let api = world.server.api();
    let slow = service_fn(move |request: Request<Body>| {
        let (api, turn) = (api.clone(), Arc::clone(&turn));
        async move {
            let answer = api.oneshot(request).await;
            let turn = turn.fetch_add(1, Ordering::SeqCst) as u64;
            sleep(Duration::from_secs(turn)).await;
            answer
        }
    });
    let client = world.layer().layer_on(slow);
    world.server.forget_access_tokens();
    let requests = (0..10).map(|_| tokio::spawn(client.clone().oneshot(get(API))));
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    world.asked(["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_retried_once_only() {
    let world = world().await;
    let refused = refuse_all(r#"Bearer error="invalid_token""#);
    let calls = Arc::clone(&refused.1);
    let client = world.layer().layer_on(refused.0);
    let answer = client.oneshot(get(API)).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    world.asked(["refresh"]);
}

/// A server that refuses whatever it gets does not make the client refresh for ever.
#[tokio::test(start_paused = true)]
async fn fresh_tokens_that_are_refused_are_not_refreshed_again_at_once() {
    let world = world().await;
    let (inner, calls) = refuse_all(r#"Bearer error="invalid_token""#);
    let client = world.layer().layer_on(inner);
    for _ in 0..50 {
        let answer = client.clone().oneshot(get(API)).await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    world.asked(["refresh"]);
    assert_eq!(calls.load(Ordering::SeqCst), 51);
    let token = world.session.access_token().await.unwrap();
    let error = world.session.access_token_after(&token).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::RefusedAgain);
    sleep(Duration::from_secs(10)).await;
    client.oneshot(get(API)).await.unwrap();
    world.asked(["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_401_for_another_reason_comes_through() {
    for challenge in [
        "Bearer",
        r#"Bearer realm="api""#,
        r#"Bearer error="insufficient_scope""#,
        r#"Basic realm="proxy""#,
        r#"Bearer error="invalid_token"#,
    ] {
        let world = world().await;
        let (inner, calls) = refuse_all(challenge);
        let answer = world.layer().layer_on(inner).oneshot(get(API)).await;
        assert_eq!(answer.unwrap().status(), 401);
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{challenge}");
        world.asked([]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_challenge_counts_where_that_was_asked_for() {
    let world = world().await;
    let (inner, calls) = refuse_all("Bearer");
    let layer = world.layer().refresh_without_challenge();
    let answer = layer.layer_on(inner).oneshot(get(API)).await;
    assert_eq!(answer.unwrap().status(), 401);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    world.asked(["refresh"]);
}

/// The 401 comes through, the next request has a new token, also if it comes at once.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_gone_is_not_sent_again() {
    let world = world().await;
    world.server.forget_access_tokens();
    let client = world.layer().never_replay().layer(world.server.api());
    let answer = client.clone().oneshot(get(API)).await.unwrap();
    assert_eq!(answer.status(), 401);
    let answer = client.oneshot(get(API)).await.unwrap();
    assert_eq!(answer.status(), 200);
    world.asked(["refresh"]);
}

/// A body that is not even `Clone`.
#[tokio::test(start_paused = true)]
async fn bodies_are_copied_as_the_caller_says() {
    enum Upload {
        Text(&'static str),
        Stream,
    }

    let world = world().await;
    let api = world.server.api();
    let inner = service_fn(move |request: Request<Upload>| {
        let text = match request.body() {
            Upload::Text(text) => text,
            Upload::Stream => "",
        };
        api.clone().oneshot(request.map(|_| Body::from(text)))
    });
    let layer = world.layer().replay_with(|body: &Upload| match body {
        Upload::Text(text) => Some(Upload::Text(text)),
        Upload::Stream => None,
    });
    let client = layer.layer(inner);
    for (body, status) in [(Upload::Text("a"), 200), (Upload::Stream, 401)] {
        world.server.forget_access_tokens();
        sleep(Duration::from_secs(20)).await;
        let request = Request::post(API).body(body).unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
        settle().await;
        world.asked(["refresh"]);
    }
}

/// A login lost its answer, or a service was given a refresh token and nothing else.
#[tokio::test(start_paused = true)]
async fn a_refresh_token_alone_is_enough() {
    let world = world_with(|builder| builder);
    let _ = world.server.login();
    let tokens = NewTokens::from_refresh_token("refresh-1-0");
    world.session.sign_in(tokens).await.unwrap();
    assert_eq!(world.get("/").await.unwrap(), 200);
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
}

/// tokio's clock stands still while a laptop sleeps; its wall clock does not.
#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_refreshes_before_it_sends() {
    let clock = ManualClock::new(SystemClock.now());
    let world = world_with(|builder| builder.clock(clock.clone()));
    world.sign_in().await;
    clock.advance(LIFETIME);
    assert_eq!(world.get("/").await.unwrap(), 200);
    let token = Some("access-2".to_owned());
    assert_eq!(world.server.seen(), [("/".to_owned(), token)]);
}

/// A wall clock that is wrong, and one that is set back, change nothing.
#[tokio::test(start_paused = true)]
async fn a_wrong_wall_clock_does_not_matter() {
    let clock = ManualClock::new(SystemClock.now());
    let world = world_with(|builder| builder.clock(clock.clone()));
    world.sign_in().await;
    clock.set(tower_bearer::clock::Timestamp::from_secs(0));
    assert_eq!(world.get("/").await.unwrap(), 200);
    settle().await;
    world.asked([]);
    sleep(LIFETIME).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["refresh"]);
}

/// Neither does a refresh that fails, as long as the token lives.
#[tokio::test(start_paused = true)]
async fn a_failed_refresh_costs_nothing_while_the_token_lives() {
    let world = world().await;
    sleep(LIFETIME.mul_f64(0.85)).await;
    world.server.fail((0..30).map(|_| Fault::Unreachable));
    for _ in 0..40 {
        assert_eq!(world.get("/").await.unwrap(), 200);
        sleep(Duration::from_secs(1)).await;
    }
    let asked = world.server.log().len();
    // Three exchanges a refresh, and the refreshes ever further apart.
    assert!((6..=21).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_service_passes_unchanged() {
    let world = world().await;
    let broken = service_fn(|_: Request<Body>| async {
        Err::<Response<Body>, _>(std::io::Error::other("broken"))
    });
    let error = world
        .layer()
        .layer_on(broken)
        .oneshot(get(API))
        .await
        .unwrap_err();
    let RequestError::Inner(inner) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(inner.to_string(), "broken");
    assert_eq!(error.to_string(), "the request failed");
    assert!(!error.is_signed_out());
}

/// A server that answers each request with a 401, and how many it has answered.
fn refuse_all(challenge: &'static str) -> (Answering, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = service_fn(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let answer = Response::builder().status(401);
        let answer = answer
            .header("www-authenticate", challenge)
            .body(Body::default());
        std::future::ready(Ok(answer.unwrap()))
    });
    (Answering::new(service), calls)
}
