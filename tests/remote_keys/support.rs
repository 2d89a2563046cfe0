//! What the tests with a real server share.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tests_shared::{
    issuer::IssuerServer,
    tokens::{AUDIENCE, bearer},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Verifier,
    bearer::BearerLayer,
    remote::{RemoteKeys, RemoteKeysBuilder, RemoteKeysError, RemoteKeysErrorKind},
};

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Http = Client<HttpConnector, Full<Bytes>>;

/// An HTTP client as applications have it.
pub(crate) fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Keys of this server, with a cool-down that a test can wait for.
pub(crate) fn discovered(server: &IssuerServer) -> RemoteKeysBuilder {
    brief(RemoteKeys::discover(server.url(), http()))
}

/// A busy machine takes its time, and a test that wants to see a limit sets its own.
pub(crate) fn brief(builder: RemoteKeysBuilder) -> RemoteKeysBuilder {
    builder
        .danger_allow_plain_http()
        .cooldown(Duration::from_secs(1))
        .timeout(PATIENCE)
        .wait_timeout(PATIENCE)
}

pub(crate) fn verifier(server: &IssuerServer, keys: &RemoteKeys) -> Verifier {
    Verifier::new(server.url(), AUDIENCE, keys.clone()).unwrap()
}

/// What a request with the token gets from a route behind the layer.
pub(crate) async fn ask(verifier: &Verifier, token: &str) -> Response<()> {
    let route = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    let service = BearerLayer::new(verifier.clone()).layer(route);
    let answer = service.oneshot(bearer(token)).await.unwrap();
    answer.map(|_| ())
}

pub(crate) async fn status(verifier: &Verifier, token: &str) -> u16 {
    let answer = ask(verifier, token).await;
    let unavailable = answer.status() == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(answer.headers().contains_key(RETRY_AFTER), unavailable);
    answer.status().as_u16()
}

#[track_caller]
pub(crate) fn kind(result: Result<RemoteKeys, RemoteKeysError>) -> RemoteKeysErrorKind {
    result.unwrap_err().kind()
}

/// Waits until something is so. The test runner ends a test that waits for ever.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
