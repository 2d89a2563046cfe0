//! Readiness, errors and cancellation.

use std::{
    fmt,
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use tower::{Layer, Service};
use tower_bearer::bearer::BearerLayer;
use tower_test::mock;

use crate::{
    poll,
    tokens::{Tokens, bare, bearer},
    tracked::Tracked,
};

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone())
}

type Spawned<T> = (mock::Spawn<T>, mock::Handle<Request<()>, Response<String>>);

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

#[tokio::test]
async fn readiness_is_the_inner_services() {
    let (mut service, mut handle): Spawned<_> = mock::spawn_layer(layer(&Tokens::new()));
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.is_woken());
    assert!(matches!(service.poll_ready(), Poll::Ready(Ok(()))));
}

#[tokio::test]
async fn an_error_of_readiness_passes_unchanged() {
    let (mut service, mut handle): Spawned<_> = mock::spawn_layer(layer(&Tokens::new()));
    handle.send_error(Broken);
    let Poll::Ready(Err(error)) = service.poll_ready() else {
        panic!("no error")
    };
    assert!(error.is::<Broken>());
}

#[tokio::test]
async fn an_error_of_the_answer_passes_unchanged() {
    let tokens = Tokens::new();
    let (mut service, mut handle): Spawned<_> = mock::spawn_layer(layer(&tokens));
    assert!(service.poll_ready().is_ready());
    let answer = service.call(bearer(&tokens.plain()));
    handle.next_request().await.unwrap().1.send_error(Broken);
    assert!(answer.await.unwrap_err().is::<Broken>());
}

#[tokio::test]
async fn a_refusal_leaves_the_inner_service_ready() {
    let tokens = Tokens::new();
    let (mut service, mut handle): Spawned<_> = mock::spawn_layer(layer(&tokens));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    assert_eq!(service.call(bare()).await.unwrap().status(), 401);
    assert!(matches!(handle.poll_request(), Poll::Pending));
    // The one request that is allowed is still to be had.
    assert!(service.poll_ready().is_ready());
    let _answer = service.call(bearer(&tokens.plain()));
    assert!(matches!(handle.poll_request(), Poll::Ready(Some(_))));
    assert!(service.poll_ready().is_pending());
}

#[test]
fn the_instance_that_was_polled_ready_is_called() {
    let tokens = Tokens::new();
    let tracked = Tracked::new();
    let mut service = layer(&tokens).layer(tracked.clone());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut answer = pin!(service.call(bearer(&tokens.plain())));
    assert!(poll(answer.as_mut()).is_pending());
    assert_eq!(tracked.log(), [(1, "ready"), (1, "called")]);
}

#[test]
fn dropping_the_future_cancels_the_inner_answer() {
    let tokens = Tokens::new();
    let tracked = Tracked::new();
    let mut service = layer(&tokens).layer(tracked.clone());
    let answer = service.call(bearer(&tokens.plain()));
    assert_eq!(tracked.log(), [(1, "called")]);
    drop(answer);
    assert_eq!(tracked.log(), [(1, "called"), (1, "cancelled")]);
}

#[test]
fn nothing_of_a_request_is_shown() {
    let tokens = Tokens::new();
    let token = tokens.plain();
    let mut service = layer(&tokens).layer(Tracked::new());
    let answer = service.call(bearer(&token));
    let shown = format!("{answer:?} {:?}", layer(&tokens));
    assert!(
        !shown.contains(&token) && !shown.contains("0123456789abcdef"),
        "{shown}"
    );
}

/// A layer is shared between threads wherever its parts can be.
#[test]
fn layer_and_service_are_send_sync_and_clone() {
    fn check<T: Clone + Send + Sync + 'static>(_: &T) {}
    let layer = layer(&Tokens::new());
    check(&layer);
    check(&layer.layer(Tracked::new()));
}

/// Only the live check has to hold on to the inner service.
#[test]
fn an_inner_service_is_cloned_for_a_live_check_alone() {
    let tokens = Tokens::new();
    let tracked = Tracked::new();
    let mut service = layer(&tokens).layer(tracked.clone());
    drop(service.call(bearer(&tokens.plain())));
    drop(service.call(bare()));
    drop(service.call(bearer(&tokens.plain())));
    assert_eq!(
        tracked.log(),
        [
            (1, "called"),
            (1, "cancelled"),
            (1, "called"),
            (1, "cancelled")
        ]
    );
    // The next clone is the second.
    let mut next = tracked.clone();
    let _ = next.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert_eq!(tracked.log().last(), Some(&(2, "ready")));
}
