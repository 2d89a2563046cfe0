//! Redirects: no token ever arrives at another origin, wherever they are followed.

use std::{
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::LOCATION};
use http_body_util::Full;
use hyper::body::Incoming;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_bearer_client::{ClientErrorKind, ClientSession, NewTokens, RefreshLayer};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::{
    real::{hyper_client, serve},
    support::LIFETIME,
};

/// What a server was asked: the path and its `Authorization`.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// A server that sends whoever asks for `/to?URL` there, and answers all else.
async fn server(status: u16) -> (String, Seen) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let origin = serve(service_fn(move |request: Request<Incoming>| {
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        let path = request.uri().path().to_owned();
        kept.lock().unwrap().push((path, authorization));
        let mut response = Response::new(String::new());
        if let Some(to) = request.uri().query() {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert(LOCATION, to.parse().unwrap());
        }
        std::future::ready(Ok::<_, io::Error>(response))
    }));
    (origin.await, seen)
}

fn take(seen: &Seen) -> Vec<(String, Option<String>)> {
    std::mem::take(&mut seen.lock().unwrap())
}

async fn layer(origin: &str) -> RefreshLayer {
    let session = ClientSession::builder("https://id.example/token", hyper_client());
    let session = session.build().unwrap();
    let tokens = NewTokens::from_refresh_token("r").with_access_token("s3cret", LIFETIME);
    session.sign_in(tokens).await.unwrap();
    RefreshLayer::new(&session, origin.parse().unwrap())
}

/// Follows redirects within the API, out of it, and back into it.
async fn walk<S, E: std::fmt::Debug, R>(make: impl Fn(RefreshLayer) -> S, is_beneath: bool)
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = E>,
{
    let token = Some("Bearer s3cret".to_owned());
    for (status, method) in [(302, "GET"), (307, "POST"), (308, "PUT"), (303, "POST")] {
        let (api, at_api) = server(status).await;
        let (other, at_other) = server(status).await;
        let layer = layer(&api).await;
        let send = async |url: &str| {
            let request = Request::builder()
                .method(method)
                .uri(url)
                .body(Full::default());
            let answer = make(layer.clone()).oneshot(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200, "{method} {status}");
        };

        send(&format!("{api}/to?/within")).await;
        let paths = ["/to", "/within"].map(|path| (path.to_owned(), token.clone()));
        assert_eq!(take(&at_api), paths);

        send(&format!("{api}/to?{other}/out")).await;
        assert_eq!(take(&at_api), [("/to".to_owned(), token.clone())]);
        assert_eq!(take(&at_other), [("/out".to_owned(), None)]);

        send(&format!("{other}/to?{api}/in")).await;
        assert_eq!(take(&at_other), [("/to".to_owned(), None)]);
        // Above what follows them the layer sees the first request only.
        let expected = if is_beneath { token.clone() } else { None };
        assert_eq!(take(&at_api), [("/in".to_owned(), expected)]);
    }
}

/// The place where the layer belongs: each request on the way is looked at by itself.
#[tokio::test]
async fn beneath_tower_https_follow_redirect() {
    let client =
        |layer: RefreshLayer| FollowRedirectLayer::new().layer(layer.layer(hyper_client()));
    walk(client, true).await;
}

#[tokio::test]
async fn above_tower_https_follow_redirect() {
    let client =
        |layer: RefreshLayer| layer.layer(FollowRedirectLayer::new().layer(hyper_client()));
    walk(client, false).await;
}

#[tokio::test]
async fn above_reqwests_redirects() {
    let client = |layer: RefreshLayer| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        layer
            .never_replay()
            .layer(service_fn(move |request: Request<Full<Bytes>>| {
                let client = client.clone();
                async move {
                    let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap))?;
                    let answer = client.execute(request).await;
                    answer.map(Response::<reqwest::Body>::from)
                }
            }))
    };
    walk(client, false).await;
}

/// A redirect of the token endpoint is not followed by the session, and where the HTTP client
/// does so, it is a mistake that the session cannot see.
#[tokio::test]
async fn the_token_endpoints_redirect_is_an_error() {
    let (other, at_other) = server(307).await;
    let (api, _) = server(307).await;
    let endpoint = format!("{api}/token?{other}/steal");
    let session = ClientSession::builder(endpoint, hyper_client())
        .build()
        .unwrap();
    session
        .sign_in(NewTokens::from_refresh_token("r"))
        .await
        .unwrap();
    let error = session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Redirected);
    assert_eq!(error.status(), Some(StatusCode::TEMPORARY_REDIRECT));
    assert!(take(&at_other).is_empty());
}
