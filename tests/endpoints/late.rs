//! Bodies that come late, by halves or not at all, and bodies that nobody should wait for.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body::{Body, Frame};
use tokio::time::{Instant, Interval, interval};
use tower_bearer::endpoint::{EndpointOptions, Endpoints};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);

/// The beginning of a form, and then silence.
struct Stalled(Option<Bytes>);

impl Body for Stalled {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

fn stalled(form: &str) -> Stalled {
    Stalled(Some(Bytes::copy_from_slice(form.as_bytes())))
}

/// One byte a second, for ever.
struct Dripping(Interval);

impl Body for Dripping {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        ready!(self.0.poll_tick(cx));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

/// Nobody may read it.
struct Untouchable;

impl Body for Untouchable {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        panic!("the body was read");
    }
}

/// Fails at once.
struct Failing(Option<io::Error>);

impl Body for Failing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

fn form<B: Body>(body: B) -> Request<B> {
    let request = Request::post("/").header("content-type", FORM);
    request.body(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_a_408_after_ten_seconds_and_does_nothing() {
    let world = world();
    let token = world.token().await;
    let start = Instant::now();
    send(world.endpoint(), form(stalled(&refresh_form(&token))))
        .await
        .refused(408, "temporarily_unavailable");
    assert_eq!(start.elapsed().as_secs(), 10);
    send(world.revocation(), form(stalled(&format!("token={token}"))))
        .await
        .refused(408, "temporarily_unavailable");
    assert_eq!(start.elapsed().as_secs(), 20);
    assert!(world.works(&token).await);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_has_no_longer() {
    let start = Instant::now();
    send(world().endpoint(), form(Dripping(interval(SECOND))))
        .await
        .refused(408, "temporarily_unavailable");
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_time_can_be_set_for_every_endpoint() {
    let world = world();
    let options = EndpointOptions::new().body_timeout(3 * SECOND);
    let endpoints = Endpoints::new(&world.sessions).options(options);
    for path in ["/token", "/refresh-token", "/revoke"] {
        let start = Instant::now();
        let mut request = form(stalled("a=b"));
        *request.uri_mut() = path.parse().unwrap();
        let inner = tower::service_fn(async |_: Request<Stalled>| {
            Ok(http::Response::new(tower_bearer::ReplyBody::default()))
        });
        let answer = ask(tower::Layer::layer(&endpoints, inner), request).await;
        answer.refused(408, "temporarily_unavailable");
        assert_eq!(start.elapsed().as_secs(), 3, "{path}");
    }
}

/// RFC 9110 §15.5.9; RFC 9113 §8.2.2 has no such header.
#[tokio::test(start_paused = true)]
async fn after_a_408_the_connection_is_closed_where_there_is_one_to_close() {
    let world = world();
    for (version, connection) in [
        (Version::HTTP_10, "close"),
        (Version::HTTP_11, "close"),
        (Version::HTTP_2, ""),
        (Version::HTTP_3, ""),
    ] {
        let mut request = form(stalled("a=b"));
        *request.version_mut() = version;
        let answer = send(world.endpoint(), request).await;
        answer.refused(408, "temporarily_unavailable");
        assert_eq!(answer.header("connection"), connection, "{version:?}");

        let mut request = post(FORM, "grant_type=password");
        *request.version_mut() = version;
        let answer = send(world.endpoint(), request).await;
        answer.refused(400, "unsupported_grant_type");
        assert_eq!(answer.header("connection"), "", "{version:?}");
    }
}

#[tokio::test]
async fn whatever_a_body_fails_with_it_is_no_400() {
    let world = world();
    for kind in [
        io::ErrorKind::TimedOut,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::InvalidData,
        io::ErrorKind::Other,
    ] {
        send(world.endpoint(), form(Failing(Some(kind.into()))))
            .await
            .refused(408, "temporarily_unavailable");
        send(world.revocation(), form(Failing(Some(kind.into()))))
            .await
            .refused(408, "temporarily_unavailable");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_anyway_is_not_waited_for() {
    let world = world();
    let mut get = form(Untouchable);
    *get.method_mut() = Method::GET;
    send(world.endpoint(), get)
        .await
        .refused(405, "invalid_request");

    let mut xml = form(Untouchable);
    let text = "text/xml".parse().unwrap();
    xml.headers_mut().insert("content-type", text);
    send(world.revocation(), xml)
        .await
        .refused(415, "invalid_request");

    let mut large = form(Untouchable);
    let length = "16385".parse().unwrap();
    large.headers_mut().insert("content-length", length);
    send(world.endpoint(), large)
        .await
        .refused(413, "invalid_request");

    send(world.endpoint(), with(form(Untouchable), "Basic ?"))
        .await
        .refused(401, "invalid_client");
}
