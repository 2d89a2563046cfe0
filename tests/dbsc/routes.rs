//! Where the endpoints are, and what the others say of a session that is bound.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::endpoint::{EndpointOptions, Endpoints, RevocationEndpoint};

use crate::world::{World, read, send};

#[tokio::test]
async fn the_layer_has_both_endpoints() {
    let world = World::new();
    let options = EndpointOptions::new().device_binding(&world.binding);
    let endpoints = Endpoints::new(&world.sessions)
        .under("/auth")
        .options(options);
    let service = endpoints.layer(service_fn(async |_: Request<Empty<Bytes>>| {
        let mut response = http::Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok::<_, std::convert::Infallible>(response)
    }));
    let mut browser = world.login().await;
    let send = async |request| read(service.clone().oneshot(request).await.unwrap()).await;
    let answer = send(browser.registration()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    browser.take(&answer);
    assert_eq!(send(browser.refresh()).await.status, StatusCode::OK);
    let elsewhere = send(browser.post("/device/refresh")).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn the_router_has_both_endpoints() {
    let world = World::new();
    let options = EndpointOptions::new().device_binding(&world.binding);
    let endpoints = Endpoints::new(&world.sessions)
        .under("/auth")
        .options(options);
    let router = endpoints.into_router::<()>();
    let browser = world.login().await;
    let request = browser.registration().map(axum::body::Body::new);
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let request = browser.asking().map(axum::body::Body::new);
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(
        response.status(),
        StatusCode::UNAUTHORIZED,
        "it names no session yet"
    );
}

/// Browsers see the path of the nest, and the endpoints do not.
#[cfg(feature = "axum")]
#[tokio::test]
async fn a_nested_router_has_both_endpoints() {
    let world = World::new();
    let options = EndpointOptions::new().device_binding(&world.binding);
    let endpoints = Endpoints::new(&world.sessions).options(options);
    let router = axum::Router::<()>::new().nest("/auth", endpoints.into_router());
    let mut browser = world.login().await;
    assert_eq!(browser.offer.path, browser.registration().uri().path());
    let send = async |request: Request<Empty<Bytes>>| {
        let request = request.map(axum::body::Body::new);
        read(router.clone().oneshot(request).await.unwrap()).await
    };
    let answer = send(browser.registration()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json()["refresh_url"], "/auth/device/refresh");
    browser.take(&answer);
    let answer = send(browser.refresh()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn both_take_posts_only() {
    let world = World::new();
    let browser = world.bound().await;
    for mut request in [browser.registration(), browser.refresh()] {
        *request.method_mut() = Method::GET;
        let answer = match request.uri().path() {
            "/auth/device/register" => world.send_registration(request).await,
            _ => world.send_refresh(request).await,
        };
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], "POST");
    }
}

/// A script has the cookie and no key, as a thief has. It learns that its browser does the work.
#[tokio::test]
async fn a_script_does_not_refresh_a_bound_session() {
    let world = World::new();
    let browser = world.bound().await;
    let row = world.row(&browser).await;
    let answer = world.by_script(&browser).await;
    answer.refused(403, "access_denied");
    assert_eq!(answer.json()["reason"], "device_bound");
    assert_eq!(world.row(&browser).await, row);
}

/// The browser has not got the answer that told of the binding.
#[tokio::test]
async fn nor_with_a_cookie_from_before_the_binding() {
    let world = World::new();
    let browser = world.registered().await;
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
    let answer = world.by_script(&browser).await;
    answer.refused(403, "access_denied");
    assert_eq!(answer.json()["reason"], "device_bound");
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
}

/// So its page knows that somebody has to log in again.
#[tokio::test]
async fn a_script_learns_that_a_bound_session_is_over() {
    let world = World::new();
    let browser = world.bound().await;
    let session = world.row(&browser).await.session;
    let ended = world
        .sessions
        .end(session.id, session.subject.as_str())
        .await;
    assert!(ended.unwrap());
    world
        .by_script(&browser)
        .await
        .refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_script_refreshes_a_session_that_is_not_bound() {
    let world = World::new();
    let browser = world.login().await;
    let answer = world.by_script(&browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.cookies().len(), 2);
}

#[tokio::test]
async fn a_revocation_by_cookie_is_a_logout() {
    let world = World::new();
    let browser = world.bound().await;
    let options = EndpointOptions::new().device_binding(&world.binding);
    let endpoint = RevocationEndpoint::new(world.sessions.clone()).options(options);
    let answer = send(endpoint, browser.post("/auth/revoke")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers["clear-site-data"], "\"cookies\"");
    world.refresh(&browser).await.is_over();
}
