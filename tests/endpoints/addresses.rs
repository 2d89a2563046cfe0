//! The addresses that the metadata name are those at which the world finds the endpoints.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneService};
use tower_bearer::{
    Issuer,
    endpoint::Endpoints,
    error::ConfigErrorKind,
    session::{RefreshKey, Sessions},
};

use crate::support::*;

type Whole = Response<Full<Bytes>>;

/// Whatever answers `https://id.example`.
type World = BoxCloneService<Request<Full<Bytes>>, Whole, Infallible>;

fn sessions_of(issuer: &str) -> Sessions {
    let world = world();
    let issuer = Issuer::new(issuer, AUDIENCE, world.keys).unwrap();
    let key = RefreshKey::from_secret([7; 32]).unwrap();
    Sessions::builder(issuer, key, world.store).build().unwrap()
}

fn not_found() -> Whole {
    let mut response = Whole::default();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The endpoints as a layer around a service that knows nothing.
fn layered(endpoints: &Endpoints) -> World {
    let nothing = service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(not_found()));
    whole(endpoints.layer(nothing))
}

fn whole<S, B>(service: S) -> World
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug> + Send + 'static,
{
    BoxCloneService::new(
        service.then(async |answer: Result<Response<B>, Infallible>| {
            let (head, body) = answer.unwrap().into_parts();
            let body = http_body_util::BodyExt::collect(body).await.unwrap();
            Ok(Response::from_parts(head, Full::new(body.to_bytes())))
        }),
    )
}

/// The answer at an address, as the world asks for it.
async fn fetch(world: &World, url: &str, mut request: Request<Full<Bytes>>) -> Answer {
    let path = url.strip_prefix("https://id.example").unwrap();
    *request.uri_mut() = path.parse().unwrap();
    ask(world.clone(), request).await
}

/// Finds the metadata as RFC 8414 §3.1 says, and follows each address in them.
async fn follows(world: World, sessions: &Sessions, own: &str) -> Value {
    let url = format!("https://id.example/.well-known/oauth-authorization-server{own}");
    let answer = fetch(&world, &url, bare(Method::GET)).await;
    assert_eq!(answer.status, StatusCode::OK, "{url}");
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], format!("https://id.example{own}"));

    let address = |name: &str| metadata[name].as_str().unwrap().to_owned();
    let keys = fetch(&world, &address("jwks_uri"), bare(Method::GET)).await;
    assert_eq!(keys.status, StatusCode::OK);
    assert_eq!(keys.json()["keys"].as_array().unwrap().len(), 1);

    let token_endpoint = address("token_endpoint");
    let revocation_endpoint = address("revocation_endpoint");
    for url in [&token_endpoint, &revocation_endpoint] {
        let get = fetch(&world, url, bare(Method::GET)).await;
        get.refused(405, "invalid_request");
    }
    let grant = tower_bearer::session::Grant::new("alice");
    let login = sessions.start(grant).await.unwrap();
    let token = login.refresh_token.expose();
    let refresh = post(FORM, &refresh_form(token));
    fetch(&world, &token_endpoint, refresh).await.granted();
    let revoke = post(FORM, &format!("token={token}"));
    let answer = fetch(&world, &revocation_endpoint, revoke).await;
    assert_eq!(answer.status, StatusCode::OK);
    let refresh = post(FORM, &refresh_form(token));
    let answer = fetch(&world, &token_endpoint, refresh).await;
    answer.refused(400, "invalid_grant");
    metadata
}

#[tokio::test]
async fn at_the_root_nothing_has_to_be_said() {
    for own in ["", "/tenant"] {
        let sessions = sessions_of(&format!("https://id.example{own}"));
        let endpoints = Endpoints::new(&sessions).under("/auth");
        let metadata = follows(layered(&endpoints), &sessions, own).await;
        assert_eq!(metadata["token_endpoint"], "https://id.example/auth/token");
    }
}

/// What is configured as in the manual: all below `/api` without it, and the metadata as they are.
fn stripping_proxy(inner: World) -> World {
    whole(service_fn(move |mut request: Request<Full<Bytes>>| {
        let inner = inner.clone();
        async move {
            let path = request.uri().path().to_owned();
            if !path.starts_with("/.well-known/oauth-authorization-server") {
                let Some(rest) = path.strip_prefix("/api") else {
                    return Ok(not_found());
                };
                *request.uri_mut() = rest.parse().unwrap();
            }
            inner.oneshot(request).await
        }
    }))
}

#[tokio::test]
async fn behind_a_proxy_that_removes_a_prefix_they_are_found() {
    let sessions = sessions_of("https://id.example/api");
    let endpoints = Endpoints::new(&sessions)
        .under("/auth")
        .public_base("https://id.example/api/")
        .unwrap();
    let world = stripping_proxy(layered(&endpoints));
    let metadata = follows(world, &sessions, "/api").await;
    assert_eq!(
        metadata["jwks_uri"],
        "https://id.example/api/.well-known/jwks.json"
    );
}

/// The setting changes what is told, and nothing of what is answered.
#[tokio::test]
async fn a_public_base_moves_no_endpoint() {
    let sessions = sessions_of("https://id.example");
    let endpoints = Endpoints::new(&sessions)
        .under("/auth")
        .public_base("https://other.example/api")
        .unwrap();
    let world = layered(&endpoints);
    for (path, status) in [
        ("/auth/token", 405),
        ("/api/auth/token", 404),
        ("/.well-known/jwks.json", 200),
        ("/.well-known/oauth-authorization-server", 200),
        ("/.well-known/oauth-authorization-server/api", 404),
    ] {
        let url = format!("https://id.example{path}");
        let answer = fetch(&world, &url, bare(Method::GET)).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[test]
fn a_base_that_no_client_could_use_is_refused_at_the_start() {
    let sessions = sessions_of("https://id.example");
    for url in ["", "/api", "id.example", "https://id.example/?a=b"] {
        let error = Endpoints::new(&sessions).public_base(url).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Url, "{url}");
    }
    // Without an issuer that is a URL nobody would ever be told.
    let sessions = sessions_of("id.example");
    let error = Endpoints::new(&sessions)
        .public_base("https://id.example")
        .unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Url);
}

#[cfg(feature = "axum")]
mod nested {
    use axum::Router;

    use super::*;

    fn served(app: Router) -> World {
        let app = app.into_service::<axum::body::Body>();
        whole(app.map_request(|request: Request<Full<Bytes>>| request.map(axum::body::Body::new)))
    }

    #[tokio::test]
    async fn merged_with_the_whole_path_they_are_found() {
        let sessions = sessions_of("https://id.example/api");
        let endpoints = Endpoints::new(&sessions).under("/api/auth");
        let app = Router::new().merge(endpoints.into_router());
        let metadata = follows(served(app), &sessions, "/api").await;
        assert_eq!(
            metadata["token_endpoint"],
            "https://id.example/api/auth/token"
        );
    }

    #[tokio::test]
    async fn nested_with_a_public_base_they_are_found() {
        let sessions = sessions_of("https://id.example/api");
        let endpoints = Endpoints::new(&sessions)
            .under("/auth")
            .public_base("https://id.example/api")
            .unwrap();
        let app = Router::new()
            .merge(endpoints.metadata_router())
            .nest("/api", endpoints.into_router());
        let metadata = follows(served(app), &sessions, "/api").await;
        assert_eq!(
            metadata["token_endpoint"],
            "https://id.example/api/auth/token"
        );
    }

    #[tokio::test]
    async fn the_metadata_router_has_nothing_else() {
        let sessions = sessions_of("https://id.example/api");
        let router = Endpoints::new(&sessions).metadata_router();
        let app = served(router);
        for path in ["/token", "/revoke", "/.well-known/jwks.json"] {
            let url = format!("https://id.example{path}");
            let answer = fetch(&app, &url, bare(Method::GET)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
        let none = Endpoints::new(&sessions_of("id.example")).metadata_router();
        let url = "https://id.example/.well-known/oauth-authorization-server";
        let answer = fetch(&served(none), url, bare(Method::GET)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}
