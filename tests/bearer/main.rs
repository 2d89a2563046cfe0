//! The layer, poll by poll and answer by answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod body;
mod extensions;
mod guard;
mod hook;
mod hyper;
mod readiness;
mod requirements;
mod risk;
mod tickets;
mod websocket;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use http::{HeaderMap, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use tower_bearer::{VerifiedToken, bearer::BearerLayer};
use tower_test::mock;

type Seen = Option<Request<()>>;

/// Sends one request; the answer, and the request as the inner service saw it, if it did.
async fn send(layer: BearerLayer, request: Request<()>) -> (Response<String>, Seen) {
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    let inside = async {
        let (request, answer) = handle.next_request().await?;
        answer.send_response(Response::new("inside".to_owned()));
        Some(request)
    };
    let (answer, seen) = tokio::join!(layer.layer(inner).oneshot(request), inside);
    let (head, body) = answer.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap()),
        seen,
    )
}

/// Sends a request that must get in; gives it as the inner service saw it.
async fn passed(layer: BearerLayer, request: Request<()>) -> Request<()> {
    let (answer, seen) = send(layer, request).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body(), "inside");
    seen.expect("the inner service was not called")
}

/// Sends a request that must not get in, and checks its status.
async fn refused(layer: BearerLayer, request: Request<()>, status: u16) -> Response<String> {
    let (answer, seen) = send(layer, request).await;
    assert!(seen.is_none(), "the inner service was called");
    assert_eq!(answer.status(), status, "{answer:?}");
    answer
}

/// The user of the token that the layer has let in.
#[track_caller]
fn user(seen: &Request<()>) -> &str {
    let token = seen.extensions().get::<VerifiedToken>();
    &token.unwrap().claims().sub
}

#[track_caller]
fn challenge(headers: &HeaderMap) -> &str {
    headers[WWW_AUTHENTICATE].to_str().unwrap()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
