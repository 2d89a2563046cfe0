//! Readiness, instances and cancellation.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{Request, Response};
use tests_shared::tracked::Tracked;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimit, service_fn,
    util::BoxCloneSyncService,
};
use tower_bearer_client::{
    ClientError, ClientSession, ClientSessionBuilder, Refresh, RefreshLayer, RequestError,
};
use tower_test::mock;

use crate::support::{API, Body, LIFETIME, Server, TOKEN, get, settle, world};

type Spawned = (
    mock::Spawn<Refresh<mock::Mock<Request<()>, Response<String>>>>,
    mock::Handle<Request<()>, Response<String>>,
);

async fn layer() -> RefreshLayer {
    world().await.layer()
}

fn request() -> Request<()> {
    Request::get(API).body(()).unwrap()
}

fn unauthorized() -> Response<String> {
    let response = Response::builder().status(401);
    let response = response.header("www-authenticate", r#"Bearer error="invalid_token""#);
    response.body(String::new()).unwrap()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services() {
    let (mut service, mut handle): Spawned = mock::spawn_layer(layer().await);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.is_woken());
    assert!(matches!(service.poll_ready(), Poll::Ready(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_passes() {
    let (mut service, mut handle): Spawned = mock::spawn_layer(layer().await);
    handle.send_error("broken");
    let Poll::Ready(Err(RequestError::Inner(error))) = service.poll_ready() else {
        panic!("no error")
    };
    assert!(error.to_string().contains("broken"));
}

/// A request that has its token is on its way at once, with the instance that was polled ready.
#[tokio::test(start_paused = true)]
async fn the_instance_that_was_polled_ready_is_called() {
    let tracked = Tracked::new();
    let mut service = layer().await.layer(tracked.clone());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut answer = pin!(service.call(request()));
    assert!(poll(answer.as_mut()).is_pending());
    assert_eq!(tracked.log(), [(1, "ready"), (1, "called")]);
}

/// One that waits for a token keeps nobody else from the service: the instance that was polled
/// ready is given back, and another one is polled when the token is there.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_token_is_polled_ready_after_it() {
    let world = world().await;
    sleep(LIFETIME).await;
    let tracked = Tracked::new();
    let mut service = world.layer().layer(tracked.clone());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut answer = pin!(service.call(request()));
    assert!(poll(answer.as_mut()).is_pending());
    assert_eq!(tracked.log(), [(1, "ready")], "there is no token yet");
    settle().await;
    assert!(poll(answer.as_mut()).is_pending());
    assert_eq!(tracked.log(), [(1, "ready"), (2, "ready"), (2, "called")]);
}

/// One client for the API and the token endpoint, of which few calls are made at once.
#[tokio::test(start_paused = true)]
async fn a_limit_may_be_shared_with_the_refresh() {
    for limit in [1, 4] {
        let server = Server::new();
        let (id, api) = (server.http(), server.api());
        let both = service_fn(move |request: Request<Body>| {
            match request.uri().path() {
                "/token" => id.clone(),
                _ => api.clone(),
            }
            .oneshot(request)
        });
        let http = ConcurrencyLimit::new(both, limit);
        let session = ClientSession::builder(TOKEN, http.clone());
        let session = session.build().unwrap();
        session.sign_in(server.login()).await.unwrap();
        sleep(LIFETIME).await;

        let client = RefreshLayer::new(&session, API.parse().unwrap()).layer(http);
        let mut requests = JoinSet::new();
        for _ in 0..10 {
            requests.spawn(client.clone().oneshot(get(API)));
        }
        let start = Instant::now();
        for answer in requests.join_all().await {
            assert_eq!(answer.unwrap().status(), 200);
        }
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

/// A retry waits until its service is ready.
#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_readiness() {
    let (mut service, mut handle): Spawned = mock::spawn_layer(layer().await);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let mut answer = pin!(service.call(request()));
    let (first, respond) = handle.next_request().await.unwrap();
    assert_eq!(first.headers()["authorization"], "Bearer access-1");
    respond.send_response(unauthorized());
    assert!(poll(answer.as_mut()).is_pending());
    settle().await;
    assert!(poll(answer.as_mut()).is_pending());
    assert!(
        matches!(handle.poll_request(), Poll::Pending),
        "no more requests are allowed"
    );
    handle.allow(1);
    assert!(poll(answer.as_mut()).is_pending());
    let (second, respond) = handle.next_request().await.unwrap();
    assert_eq!(second.headers()["authorization"], "Bearer access-2");
    respond.send_response(Response::new("done".to_owned()));
    assert_eq!(answer.await.unwrap().into_body().into_inner(), "done");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_retry_passes() {
    let (mut service, mut handle): Spawned = mock::spawn_layer(layer().await);
    assert!(service.poll_ready().is_ready());
    let answer = tokio::spawn(service.call(request()));
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(unauthorized());
    handle.next_request().await.unwrap().1.send_error("broken");
    let Err(RequestError::Inner(error)) = answer.await.unwrap() else {
        panic!("no error")
    };
    assert!(error.to_string().contains("broken"));
}

/// Layers with boxed errors above and beneath, and what they make of an error.
#[tokio::test(start_paused = true)]
async fn errors_fit_a_box() {
    let world = world().await;
    world.session.logout().await.unwrap();
    let (layer, patience) = (world.layer(), Duration::from_secs(1));
    let client = |http| {
        let client = ServiceBuilder::new().timeout(patience);
        let client = client
            .map_err(RequestError::into_boxed)
            .layer(layer.clone());
        client.timeout(patience).service(http)
    };
    let error = client(world.server.api())
        .oneshot(get(API))
        .await
        .unwrap_err();
    assert!(error.downcast_ref::<ClientError>().unwrap().is_signed_out());

    world.sign_in().await;
    let broken = service_fn(|_| async { Err(std::io::Error::other("broken")) });
    let error = client(BoxCloneSyncService::new(broken))
        .oneshot(get(API))
        .await
        .unwrap_err();
    assert_eq!(
        error.downcast_ref::<std::io::Error>().unwrap().to_string(),
        "broken"
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_cancels_the_request() {
    let tracked = Tracked::new();
    let mut service = layer().await.layer(tracked.clone());
    drop(service.call(request()));
    assert_eq!(tracked.log(), [(1, "called"), (1, "cancelled")]);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_token_is_shown() {
    let world = world().await;
    let mut service = world.layer().layer(Tracked::new());
    let answer = service.call(request());
    let status = world.session.status();
    let token = world.session.access_token().await.unwrap();
    let builder = crate::support::builder(&world.server)
        .client_id("app")
        .client_secret("s3cret");
    let shown = format!(
        "{answer:?} {status:?} {token:?} {builder:?} {:?} {:?} {:?}",
        world.layer(),
        world.session,
        world.server.login(),
    );
    for secret in ["access-1", "refresh-", "access-2", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// All of it is shared between threads wherever its parts can be; the HTTP client of the token
/// endpoint need not be.
#[test]
fn everything_is_send_sync_and_clone() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send>(_: &T) {}
    shared::<ClientSession>();
    shared::<RefreshLayer>();
    shared::<Refresh<Tracked>>();
    shared::<ClientError>();
    let _: fn(&ClientSessionBuilder) = sent;
    let not_sync = std::cell::Cell::new(0);
    let http = service_fn(move |request: Request<crate::support::Body>| {
        not_sync.set(1);
        Server::new().http().oneshot(request)
    });
    assert!(ClientSession::builder(TOKEN, http).build().is_ok());
}
