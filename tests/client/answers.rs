//! Whatever the token endpoint answers: a typed error with its cause, no busy retry, and the
//! session kept.

use std::{collections::VecDeque, pin::Pin, task::Poll, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use tokio::time::{Instant, sleep};
use tower::service_fn;
use tower_bearer_client::{ClientError, ClientErrorKind as Kind, ClientSession, NewTokens};

use crate::support::{Body, Fault, LIFETIME, TOKEN, world, world_with};

fn says(status: u16, content_type: &str, body: &str) -> Fault {
    let response = Response::builder().status(status);
    let response = response.header("content-type", content_type);
    Fault::Says(
        response
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap(),
    )
}

/// Sends a request while the endpoint answers like this, however often it is asked: the error,
/// how often it was asked, and how long it took.
async fn refused(fault: Fault) -> (ClientError, usize, Duration) {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail(vec![fault; 100]);
    let start = Instant::now();
    let error = world.session.access_token().await.unwrap_err();
    let (asked, took) = (world.server.log().len(), start.elapsed());

    let status = world.session.status();
    assert!(status.is_signed_in(), "the session is kept");
    assert!(world.ends.told().is_empty());
    // Whoever asks at once gets the same, for nothing.
    let again = world.session.access_token().await.unwrap_err();
    assert_eq!(again.kind(), error.kind());
    assert_eq!(world.server.log().len(), 0);
    (error, asked, took)
}

#[tokio::test(start_paused = true)]
async fn what_will_not_mend_by_itself_is_asked_once() {
    let html = "<!doctype html><title>Log in</title>";
    let json = "application/json";
    let ok = r#"{"access_token":"a","token_type":"Bearer"}"#;
    let malformed = |flaw| (Kind::Malformed, Some(flaw), None);
    let status = |kind, status| (kind, None, Some(StatusCode::from_u16(status).unwrap()));
    for (fault, (kind, flaw, status)) in [
        (
            says(200, "text/html", html),
            (Kind::ContentType, None, None),
        ),
        (says(200, json, html), malformed("no JSON object")),
        (says(200, json, ""), malformed("no JSON object")),
        (says(200, json, "[]"), malformed("no JSON object")),
        (says(200, json, "{}"), malformed("token_type is missing")),
        (
            says(200, json, r#"{"access_token":1,"token_type":"Bearer"}"#),
            malformed("a member is not a string"),
        ),
        (
            says(200, json, r#"{"error":"invalid_grant"}"#),
            malformed("an error in an answer of success"),
        ),
        (Fault::status(204), status(Kind::Status, 204)),
        (Fault::status(404), status(Kind::Status, 404)),
        (says(400, "text/html", html), status(Kind::Status, 400)),
        (Fault::status(302), status(Kind::Redirected, 302)),
        (says(307, json, ok), status(Kind::Redirected, 307)),
        (
            Fault::json(401, r#"{"error":"invalid_client"}"#),
            (Kind::Refused, None, None),
        ),
        (
            Fault::json(400, r#"{"error":"invalid_scope"}"#),
            (Kind::Refused, None, None),
        ),
    ] {
        let (error, asked, _) = refused(fault).await;
        assert_eq!((error.kind(), asked), (kind, 1), "{error:?}");
        assert_eq!(error.status(), status);
        let shown = error.to_string();
        assert!(flaw.is_none_or(|flaw| shown.ends_with(flaw)), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_mend_is_asked_three_times() {
    for (fault, kind, status) in [
        (Fault::Unreachable, Kind::Unreachable, None),
        (Fault::status(500), Kind::Unavailable, Some(500)),
        (
            Fault::json(503, r#"{"error":"invalid_grant"}"#),
            Kind::Unavailable,
            Some(503),
        ),
        (Fault::status(429), Kind::Unavailable, Some(429)),
    ] {
        let (error, asked, took) = refused(fault).await;
        assert_eq!((error.kind(), asked), (kind, 3), "{error:?}");
        assert_eq!(error.status().map(|status| status.as_u16()), status);
        let pauses = Duration::from_millis(300)..Duration::from_millis(1200);
        assert!(pauses.contains(&took), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_given_up() {
    let (error, asked, took) = refused(Fault::Silent).await;
    assert_eq!((error.kind(), asked), (Kind::Timeout, 3));
    assert!(took < Duration::from_secs(32), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_oauth_error_is_told_by_its_code_only() {
    let body = r#"{"error":"invalid_client","error_description":"of refresh-1-0, s3cret"}"#;
    let (error, ..) = refused(Fault::json(401, body)).await;
    assert_eq!(error.code(), Some("invalid_client"));
    assert_eq!(
        error.to_string(),
        "the token endpoint refuses the request: invalid_client"
    );
    assert!(!format!("{error:?}").contains("s3cret"));
}

/// The server redelivers, or never got it: the same refresh token is presented again.
#[tokio::test(start_paused = true)]
async fn after_a_5xx_the_old_token_is_presented_again() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail([Fault::status(503), Fault::Unreachable]);
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["says", "unreachable", "refresh"]);
}

fn busy(retry_after: &str) -> Fault {
    later(503, retry_after)
}

fn later(status: u16, retry_after: &str) -> Fault {
    let response = Response::builder()
        .status(status)
        .header("retry-after", retry_after);
    Fault::Says(response.body(Bytes::new()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_short_retry_after_is_waited_for() {
    for status in [429, 503] {
        let world = world().await;
        sleep(LIFETIME).await;
        world.server.fail([later(status, "4")]);
        let start = Instant::now();
        assert_eq!(world.get("/").await.unwrap(), 200);
        assert!(start.elapsed() >= Duration::from_secs(4), "{status}");
        world.asked(["says", "refresh"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_is_kept_by_all_who_come_later() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail([busy("100")]);
    let start = Instant::now();
    let mut failed = 0;
    while failed < 200 && world.get("/").await.is_err() {
        failed += 1;
        sleep(Duration::from_secs(1)).await;
    }
    // The random part is up to a half of it.
    let took = start.elapsed().as_secs();
    assert!((100..=152).contains(&took), "{took}");
    assert!((99..=151).contains(&failed));
    world.asked(["says", "refresh"]);
}

/// As a server says it that answers each request like this.
#[tokio::test(start_paused = true)]
async fn who_is_told_a_second_again_and_again_comes_less_and_less_often() {
    let world = world().await;
    sleep(LIFETIME).await;
    world.server.fail(vec![busy("1"); 1_000]);
    let mut asked = Vec::new();
    for _ in 0..20 {
        world.server.log();
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            let _ = world.get("/").await;
            sleep(Duration::from_millis(100)).await;
        }
        asked.push(world.server.log().len());
    }
    let (first, rest) = asked.split_first().unwrap();
    // Three requests of the first refresh and one of each other, at last half a minute apart or more.
    assert!((7..=12).contains(first), "{asked:?}");
    assert!(
        rest.iter().skip(1).all(|count| (1..=2).contains(count)),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_bounded() {
    let (error, asked, _) = refused(busy("999999999")).await;
    assert_eq!(
        (error.retry_after(), asked),
        (Some(Duration::from_secs(300)), 1)
    );
}

/// It may have rotated, and the answer is what was lost.
#[tokio::test(start_paused = true)]
async fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let world = world().await;
    sleep(LIFETIME).await;
    let body = r#"{"access_token":"a","token_type":"bearer","expires_in":"60"}"#;
    world.server.fail([Fault::json(200, body)]);
    let token = world.session.access_token().await.unwrap();
    assert_eq!(token.expose(), "a");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["says", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_that_is_not_said_is_the_configured_one() {
    for expires_in in ["0", "-1", "null", r#""0""#, r#""600.0""#, "false", "[]"] {
        let world = world_with(|builder| builder.default_lifetime(Duration::from_secs(100)));
        world.sign_in().await;
        sleep(LIFETIME).await;
        let body =
            format!(r#"{{"access_token":"a","token_type":"Bearer","expires_in":{expires_in}}}"#);
        world.server.fail(vec![Fault::json(200, &body); 10]);
        for _ in 0..100 {
            world.session.access_token().await.unwrap();
        }
        world.asked(["says"]);
        let left = world.session.status().expires_in.unwrap();
        assert!(
            (99..=100).contains(&left.as_secs()),
            "{expires_in}: {left:?}"
        );
        sleep(Duration::from_secs(100)).await;
        world.session.access_token().await.unwrap();
        world.asked(["says"]);
    }
}

/// A proxy's page of many words does not hide what it answers, nor how long to wait.
#[tokio::test(start_paused = true)]
async fn a_long_page_is_told_by_its_status() {
    let page = Bytes::from(vec![b' '; 100 * 1024]);
    for (status, kind) in [
        (503, Kind::Unavailable),
        (302, Kind::Redirected),
        (404, Kind::Status),
        (200, Kind::TooLarge),
    ] {
        let answer = Response::builder().status(status);
        let answer = answer.header("retry-after", "120").body(page.clone());
        let (error, asked, _) = refused(Fault::Says(answer.unwrap())).await;
        assert_eq!((error.kind(), asked), (kind, 1));
        let retry_after = (status != 200).then_some(Duration::from_secs(120));
        assert_eq!(error.retry_after(), retry_after);
        let told = error.status().map(|status| status.as_u16());
        assert_eq!(told, (status != 200).then_some(status));
    }
}

/// Pieces that come without end.
struct Endless(VecDeque<Bytes>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.rotate_left(1);
        Poll::Ready(self.0.front().cloned().map(|piece| Ok(Frame::data(piece))))
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_not_read_to_it() {
    let http = service_fn(|_: Request<Body>| async {
        let body = Endless([Bytes::from(vec![b' '; 1024])].into());
        Ok::<_, std::io::Error>(Response::new(body))
    });
    let session = ClientSession::builder(TOKEN, http)
        .answer_limit(10_000)
        .build()
        .unwrap();
    session
        .sign_in(NewTokens::from_refresh_token("r"))
        .await
        .unwrap();
    let error = session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

/// A length over the limit is refused before anything is read.
#[tokio::test(start_paused = true)]
async fn an_answer_that_says_it_is_too_long_is_not_read() {
    struct Unread;

    impl http_body::Body for Unread {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            panic!("it was read")
        }
    }

    let http = service_fn(|_: Request<Body>| async {
        let response = Response::builder().header("content-length", "10001");
        Ok::<_, std::io::Error>(response.body(Unread).unwrap())
    });
    let session = ClientSession::builder(TOKEN, http)
        .answer_limit(10_000)
        .build()
        .unwrap();
    session
        .sign_in(NewTokens::from_refresh_token("r"))
        .await
        .unwrap();
    let error = session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}
