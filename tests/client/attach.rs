//! Which requests get the token.

use http::{HeaderValue, Request, Uri, header::AUTHORIZATION};
use tower::{Layer, ServiceExt};
use tower_bearer_client::{ConfigErrorKind, Origin, RefreshLayer};

use crate::support::{API, Body, World, get, recorder, world, world_with};

/// The request as the inner service saw it.
async fn sent(layer: RefreshLayer, request: Request<Body>) -> Request<Body> {
    let (inner, requests) = recorder();
    layer.layer(inner).oneshot(request).await.unwrap();
    let mut requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

async fn token(layer: &RefreshLayer, url: &str) -> Option<HeaderValue> {
    let mut request = get(API);
    *request.uri_mut() = url.parse().unwrap();
    let request = sent(layer.clone(), request).await;
    request.headers().get(AUTHORIZATION).cloned()
}

#[tokio::test(start_paused = true)]
async fn the_token_goes_to_its_origin_and_is_sensitive() {
    let world = world().await;
    let value = token(&world.layer(), "https://API.example:443/a?b")
        .await
        .unwrap();
    assert_eq!(value, "Bearer access-1");
    assert!(value.is_sensitive());
    assert!(!format!("{value:?}").contains("access-1"));
}

#[tokio::test(start_paused = true)]
async fn the_token_goes_nowhere_else() {
    let world = world().await;
    for url in [
        "http://api.example/",
        "https://api.example:8443/",
        "https://api.example.evil.example/",
        "https://api.example@evil.example/",
        "https://user:password@api.example/",
        "https://evil.example/?https://api.example",
        "/me",
        "*",
    ] {
        assert_eq!(token(&world.layer(), url).await, None, "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_origins() {
    let world = world().await;
    let layer = world
        .layer()
        .origin("https://files.example:8443/".parse().unwrap())
        .origin("http://localhost:3000".parse().unwrap());
    for (url, expected) in [
        (API, true),
        ("https://files.example:8443/a", true),
        ("http://localhost:3000/a", true),
        ("https://files.example/a", false),
        ("http://localhost/a", false),
    ] {
        assert_eq!(token(&layer, url).await.is_some(), expected, "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn plain_http_only_by_its_name() {
    let world = world().await;
    let error = "http://api.example".parse::<Origin>().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Origin);
    let origin = Origin::danger_plain_http("http://api.example").unwrap();
    let layer = world.layer().origin(origin);
    assert!(token(&layer, "http://api.example/").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn relative_urls_only_by_their_name() {
    let world = world().await;
    let layer = world.layer().danger_trust_relative_urls();
    assert!(token(&layer, "/package.Service/Method").await.is_some());
    assert!(token(&layer, "https://evil.example/").await.is_none());
}

/// Whoever brings credentials means them; a 401 is theirs to deal with, too.
#[tokio::test(start_paused = true)]
async fn the_callers_own_authorization_is_left_alone() {
    let world = world().await;
    for own in ["Basic YTpi", "Bearer other", ""] {
        let mut request = get(API);
        let own = HeaderValue::from_static(own);
        request.headers_mut().insert(AUTHORIZATION, own.clone());
        let request = sent(world.layer(), request).await;
        let values: Vec<_> = request.headers().get_all(AUTHORIZATION).iter().collect();
        assert_eq!(values, [&own]);
    }
    let mut request = get(API);
    let own = HeaderValue::from_static("Bearer other");
    request.headers_mut().insert(AUTHORIZATION, own);
    let answer = world
        .layer()
        .layer(world.server.api())
        .oneshot(request)
        .await;
    assert_eq!(answer.unwrap().status(), 401);
    world.asked([]);
}

/// What is not for the API needs no session.
#[tokio::test(start_paused = true)]
async fn without_a_session_other_requests_pass() {
    let world = world_with(|builder| builder);
    let (inner, requests) = recorder();
    let service = world.layer().layer(inner);
    let other = service.clone().oneshot(get("https://other.example/")).await;
    assert!(other.is_ok());
    let ours = service.oneshot(get(API)).await.unwrap_err();
    assert!(ours.is_signed_out());
    assert_eq!(requests.lock().unwrap().len(), 1, "ours was not sent");
}

/// Everything else about a request is passed on, and once more with a retry.
#[tokio::test(start_paused = true)]
async fn all_of_a_request_is_sent_twice() {
    #[derive(Clone, Debug, PartialEq)]
    struct Mark(u8);

    let World {
        server, session, ..
    } = world().await;
    server.forget_access_tokens();
    let api = server.api();
    let (recorder, requests) = recorder();
    let inner = tower::service_fn(move |request: Request<Body>| {
        let (parts, body) = request.into_parts();
        let copy = Request::from_parts(parts.clone(), body.clone());
        let (api, recorder) = (api.clone(), recorder.clone());
        async move {
            recorder.oneshot(copy).await.unwrap();
            api.oneshot(Request::from_parts(parts, body)).await
        }
    });
    let mut request = Request::put("https://api.example/a?b")
        .body(Body::from("text"))
        .unwrap();
    request
        .headers_mut()
        .append("x-a", HeaderValue::from_static("1"));
    request
        .headers_mut()
        .append("x-a", HeaderValue::from_static("2"));
    *request.version_mut() = http::Version::HTTP_2;
    request.extensions_mut().insert(Mark(7));

    let layer = RefreshLayer::new(&session, API.parse().unwrap());
    let answer = layer.layer(inner).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    for (request, token) in requests.iter().zip(["Bearer access-1", "Bearer access-2"]) {
        assert_eq!(request.method(), "PUT");
        assert_eq!(request.uri(), &Uri::from_static("https://api.example/a?b"));
        assert_eq!(request.version(), http::Version::HTTP_2);
        assert_eq!(request.extensions().get(), Some(&Mark(7)));
        assert_eq!(request.headers().get_all("x-a").iter().count(), 2);
        assert_eq!(request.headers()[AUTHORIZATION], token);
        assert_eq!(request.headers().get_all(AUTHORIZATION).iter().count(), 1);
    }
}
