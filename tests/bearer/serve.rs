//! Requests that the layer answers by itself.

use std::{
    future::{Ready, ready},
    task::Poll,
};

use bytes::Bytes;
use http::{Request, Response};
use tower::{Layer, Service};
use tower_bearer::{
    ReplyBody,
    bearer::{BearerLayer, Serve},
};
use tower_test::mock;

use crate::{
    passed, poll, refused,
    tokens::{Tokens, authorized, bare, bearer},
};

/// Answers `/own`.
#[derive(Clone)]
struct Own;

impl<B> Serve<B> for Own {
    type Future = Ready<Response<ReplyBody>>;

    fn serve(&self, request: Request<B>) -> Result<Self::Future, Request<B>> {
        match request.uri().path() {
            "/own" => Ok(ready(Response::new(Bytes::from_static(b"own").into()))),
            _ => Err(request),
        }
    }
}

fn layer(tokens: &Tokens) -> BearerLayer<Own> {
    BearerLayer::new(tokens.verifier.clone()).serve(Own)
}

fn to_own(mut request: Request<()>) -> Request<()> {
    *request.uri_mut() = "/own".parse().unwrap();
    request
}

#[tokio::test]
async fn own_endpoints_need_no_token() {
    let tokens = Tokens::new();
    for request in [
        bare(),
        bearer("a.b.c"),
        authorized("Basic YTpi"),
        authorized("Bearer a b"),
    ] {
        let answer = refused(layer(&tokens), to_own(request), 200).await;
        assert_eq!(answer.body(), "own");
        assert!(!answer.headers().contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn all_else_does() {
    let tokens = Tokens::new();
    refused(layer(&tokens), bare(), 401).await;
    let mut request = bearer(&tokens.plain());
    *request.uri_mut() = "/other".parse().unwrap();
    let seen = passed(layer(&tokens), request).await;
    assert_eq!(seen.uri(), "/other", "the request comes back untouched");
}

#[tokio::test]
async fn setters_keep_the_endpoints() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).require_scope("admin");
    refused(layer.clone(), to_own(bare()), 200).await;
    refused(layer, bearer(&tokens.plain()), 403).await;
}

#[tokio::test]
async fn endpoints_keep_the_settings() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone())
        .require_scope("admin")
        .serve(Own);
    refused(layer, bearer(&tokens.plain()), 403).await;
}

#[test]
fn the_answer_is_the_layers_alone() {
    let tokens = Tokens::new();
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    let mut service = layer(&tokens).layer(inner);
    // The inner service is not even ready.
    handle.allow(0);
    let mut answer = std::pin::pin!(service.call(to_own(bare())));
    assert!(poll(answer.as_mut()).is_ready());
    assert!(matches!(handle.poll_request(), Poll::Pending));
}
