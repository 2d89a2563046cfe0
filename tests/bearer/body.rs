//! The inner service's body comes out as it went in.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tests_shared::tokens::{Tokens, bearer};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::bearer::BearerLayer;

/// Sends `body` through the layer.
async fn through<B>(body: B) -> impl Body<Data = Bytes, Error = Infallible>
where
    B: Body<Data = Bytes, Error = Infallible> + Clone,
{
    let tokens = Tokens::new();
    let inner =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(body.clone())) });
    let service = BearerLayer::new(tokens.verifier.clone()).layer(inner);
    service
        .oneshot(bearer(&tokens.plain()))
        .await
        .unwrap()
        .into_body()
}

#[tokio::test]
async fn an_empty_body_is_known_to_be_empty() {
    let body = through(Empty::new()).await;
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[tokio::test]
async fn the_length_is_known() {
    let body = through(Full::from("inside")).await;
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(body.collect().await.unwrap().to_bytes(), "inside");
}

#[derive(Clone)]
struct Trailers(Option<HeaderMap>);

impl Body for Trailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|map| Ok(Frame::trailers(map))))
    }
}

#[tokio::test]
async fn trailers_pass() {
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]);
    let body = through(Trailers(Some(trailers.clone()))).await;
    assert_eq!(body.collect().await.unwrap().trailers(), Some(&trailers));
}
