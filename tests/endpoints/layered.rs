//! The endpoints as a layer around another service.

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_bearer::{Scope, Verifier, bearer::BearerLayer, endpoint::Endpoints};
use tower_test::mock;

use crate::support::*;

type Body = Full<Bytes>;
type Mocked = mock::Mock<Request<Body>, Response<Body>>;

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The endpoints around a layer that asks for an access token with the scope `read`.
async fn send(world: &World, request: Request<Body>) -> Answer {
    const READ: Scope = Scope::from_static("read");
    let verifier = Verifier::new(ISSUER, AUDIENCE, world.keys.verifying()).unwrap();
    let service = ServiceBuilder::new()
        .layer(Endpoints::new(&world.sessions).under("/auth"))
        .layer(BearerLayer::new(verifier).require_scope(READ))
        .service(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::new(Body::from("inside")))
        }));
    ask(service, request).await
}

fn to(path: &str, mut request: Request<Body>) -> Request<Body> {
    *request.uri_mut() = path.parse().unwrap();
    request
}

fn with_credentials(mut request: Request<Body>, credentials: &str) -> Request<Body> {
    let value = credentials.parse().unwrap();
    request.headers_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn no_access_token_is_looked_for_before_the_endpoints() {
    let world = world();
    for credentials in ["Bearer a.b.c", "Bearer a b", "Bearer"] {
        let form = refresh_form(&world.token().await);
        let request = to("/auth/token", post(FORM, &form));
        send(&world, with_credentials(request, credentials))
            .await
            .granted();
        let keys = to("/.well-known/jwks.json", bare(Method::GET));
        let answer = send(&world, with_credentials(keys, credentials)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("www-authenticate"), "");
    }
}

#[tokio::test]
async fn all_else_needs_one() {
    let world = world();
    let tokens = world.login().await;
    let good = format!("Bearer {}", tokens.access_token.expose());
    let other = || to("/auth/other", bare(Method::GET));
    assert_eq!(send(&world, other()).await.status, StatusCode::UNAUTHORIZED);
    let answer = send(&world, with_credentials(other(), &good)).await;
    assert_eq!(answer.body, "inside");
}

#[test]
fn an_answer_of_the_endpoints_is_theirs_alone() {
    let (inner, mut handle): (Mocked, _) = mock::pair();
    let mut service = Endpoints::new(&world().sessions).layer(inner);
    // The inner service is not even ready.
    handle.allow(0);
    let mut answer = pin!(service.call(to("/.well-known/jwks.json", bare(Method::GET))));
    assert!(matches!(poll(answer.as_mut()), Poll::Ready(Ok(_))));
    assert!(matches!(handle.poll_request(), Poll::Pending));
}

#[test]
fn readiness_is_the_inner_services() {
    let (inner, mut handle): (Mocked, _) = mock::pair();
    let mut service = tower_test::mock::Spawn::new(Endpoints::new(&world().sessions).layer(inner));
    handle.allow(0);
    assert!(service.poll_ready::<Request<Body>>().is_pending());
    handle.allow(1);
    assert!(matches!(
        service.poll_ready::<Request<Body>>(),
        Poll::Ready(Ok(()))
    ));
    // That very instance is called.
    let _answer = service.call(to("/other", bare(Method::GET)));
    assert!(matches!(handle.poll_request(), Poll::Ready(Some(_))));
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let service = Endpoints::new(&world().sessions).layer(());
    let shown = format!("{service:?}");
    assert!(shown.starts_with("WithEndpoints"), "{shown}");
    assert!(
        !shown.contains("[7, 7") && !shown.contains("BwcH"),
        "{shown}"
    );
}
