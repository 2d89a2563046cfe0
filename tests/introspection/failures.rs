//! What goes wrong is no verdict on the token: a 503, and never a 401.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tokio::net::TcpSocket;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    bearer::BearerLayer,
    error::TokenError,
    introspection::{ClientAuthentication, Introspection},
};

use crate::support::*;

fn text(content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let response = Response::builder().header("content-type", content_type);
    response.body(body.into()).unwrap()
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_503() {
    let server = Server::start().await;
    let json = |text: &str| self::text("application/json", text.to_owned());
    let mut odd: Vec<Response<Bytes>> = [
        "",
        "{",
        "[]",
        "null",
        "true",
        "{}",
        r#"{"sub":"alice","exp":4102444800}"#,
        r#"{"active":"true"}"#,
        r#"{"active":"false"}"#,
        r#"{"active":1}"#,
        r#"{"active":null}"#,
        r#"{"active":[true]}"#,
        // Two parsers may pick different ones of these.
        r#"{"active":false,"active":true}"#,
        r#"{"active":true,"exp":4102444800,"sub":"a","sub":"b"}"#,
        r#"{"active":true,"exp":4102444800,"cnf":{"jkt":"a","jkt":"b"}}"#,
        r#"{"active":true} trailing"#,
    ]
    .map(json)
    .into();
    odd.push(text("text/html", "<html>log in</html>"));
    odd.push(text(
        "application/json",
        b"{\"active\":true,\"sub\":\"\xff\"}".as_slice(),
    ));
    odd.push(text("application/token-introspection+jwt", "a.b.c"));
    let long = "x".repeat(64 * 1024);
    odd.push(json_answer(&with(json!({ "long": long }))));
    for status in [
        201, 204, 301, 302, 307, 400, 401, 403, 404, 405, 429, 500, 502, 503,
    ] {
        odd.push(self::status(status));
    }
    let world = server.world();
    for (number, answer) in odd.into_iter().enumerate() {
        let told = format!("{answer:?}");
        server.answers(answer);
        let verdict = world
            .verifier
            .authenticate(&format!("token-{number}"))
            .await;
        assert_eq!(verdict.map(|_| ()), Err(TokenError::Unavailable), "{told}");
        server.times(number + 1);
    }
    // No failure is remembered: the next answer counts at once.
    server.says(&good());
    world.passes("token-0").await;
}

/// Through the layer: the status, and that the client may come again.
#[tokio::test]
async fn a_request_gets_a_503_with_retry_after() {
    let server = Server::start().await;
    let layer = BearerLayer::new(server.world().verifier);
    let service = layer.layer(service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    for (answer, expected) in [
        (status(401), StatusCode::SERVICE_UNAVAILABLE),
        (status(500), StatusCode::SERVICE_UNAVAILABLE),
        (
            json_answer(&json!({ "active": false })),
            StatusCode::UNAUTHORIZED,
        ),
        (json_answer(&good()), StatusCode::UNAUTHORIZED),
    ] {
        server.answers(answer);
        let request = Request::get("/").header("authorization", "Bearer opaque");
        let request = request.body(Full::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected);
        let retry = response.headers().contains_key("retry-after");
        assert_eq!(retry, expected == StatusCode::SERVICE_UNAVAILABLE);
        let challenged = response.headers().contains_key("www-authenticate");
        assert_eq!(challenged, expected == StatusCode::UNAUTHORIZED);
    }
    server.times(3);
}

/// The clock stands still, so only the limit can have ended the wait.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up() {
    let server = Server::start().await;
    server.hold();
    let world = world(server.builder().timeout(Duration::from_secs(3)));
    let before = tokio::time::Instant::now();
    let verdict = world.verifier.authenticate("token").await;
    assert_eq!(verdict.map(|_| ()), Err(TokenError::Unavailable));
    let waited = before.elapsed();
    assert!(
        waited >= Duration::from_secs(3) && waited < Duration::from_secs(4),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_503() {
    // The port is taken, and nobody listens there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    let client = ClientAuthentication::basic("api", "s");
    let builder = Introspection::new(format!("http://{addr}/"), client, http());
    let builder = builder
        .danger_allow_plain_http()
        .issuer(ISSUER)
        .audience(AUDIENCE);
    let verdict = world(builder).verifier.authenticate("token").await;
    assert_eq!(verdict.map(|_| ()), Err(TokenError::Unavailable));
}

/// What the server said before counts on where that was asked for, and no longer than it was.
#[tokio::test]
async fn a_good_answer_outlives_a_failure_only_where_it_may() {
    let minute = Duration::from_secs(60);
    for (stale, passes) in [(Duration::ZERO, false), (minute, true)] {
        let server = Server::start().await;
        let world = world(server.builder().stale_if_error(stale));
        world.passes("token").await;
        server.answers(status(500));
        world.wait(Duration::from_secs(31));
        assert_eq!(world.verifier.authenticate("token").await.is_ok(), passes);
        server.times(2);
        let unknown = world.verifier.authenticate("another").await;
        assert_eq!(unknown.map(|_| ()), Err(TokenError::Unavailable));
        world.wait(minute);
        let late = world.verifier.authenticate("token").await;
        assert_eq!(late.map(|_| ()), Err(TokenError::Unavailable), "{stale:?}");
    }
}

/// A verdict of the server ends what was known before, however long that might have counted.
#[tokio::test]
async fn a_revoked_token_is_not_revived_by_a_failure() {
    let server = Server::start().await;
    let world = world(server.builder().stale_if_error(Duration::from_secs(600)));
    world.passes("token").await;
    world.wait(Duration::from_secs(31));
    server.says(&json!({ "active": false }));
    let revoked = world.verifier.authenticate("token").await;
    assert_eq!(revoked.map(|_| ()), Err(TokenError::Inactive));
    world.wait(SECOND * 2);
    server.answers(status(500));
    let revoked = world.verifier.authenticate("token").await;
    assert_eq!(revoked.map(|_| ()), Err(TokenError::Unavailable));
}

/// Nor is a token that has expired meanwhile.
#[tokio::test]
async fn an_expired_token_is_not_revived_by_a_failure() {
    let server = Server::start().await;
    server.says(&with(json!({ "exp": NOW + 40 })));
    let world = world(server.builder().stale_if_error(Duration::from_secs(600)));
    world.passes("token").await;
    server.answers(status(500));
    world.wait(Duration::from_secs(44));
    world.passes("token").await;
    world.wait(SECOND);
    let expired = world.verifier.authenticate("token").await;
    assert_eq!(expired.map(|_| ()), Err(TokenError::Unavailable));
}

#[test]
fn outside_of_a_runtime_it_is_a_503() {
    let client = ClientAuthentication::basic("api", "s");
    let builder = Introspection::new("https://id.example/introspect", client, http());
    let world = world(builder.issuer(ISSUER).audience(AUDIENCE));
    let mut pending = Box::pin(world.verifier.authenticate("token"));
    let waker = std::task::Waker::noop();
    let polled = pending
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker));
    let std::task::Poll::Ready(verdict) = polled else {
        panic!("it waits for nothing");
    };
    assert_eq!(verdict.map(|_| ()), Err(TokenError::Unavailable));
}
