//! All endpoints together, each at its path.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tower::service_fn;
use tower_bearer::{ReplyBody, bearer::Serve, endpoint::Endpoints, store::MemoryStore};

use crate::support::*;

const METADATA: &str = "/.well-known/oauth-authorization-server/tenant";

/// The answer at a path, if it is one of the endpoints'.
async fn at(
    endpoints: &Endpoints<MemoryStore>,
    path: &str,
    mut request: Request<Full<Bytes>>,
) -> Option<Answer> {
    *request.uri_mut() = path.parse().unwrap();
    let served = endpoints.serve(request).ok()?;
    let reply: Response<ReplyBody> = served.await;
    let mut reply = Some(reply);
    let service = service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(reply.take().unwrap()))
    });
    Some(ask(service, Request::new(())).await)
}

#[tokio::test]
async fn each_endpoint_has_its_path() {
    let world = world();
    for (prefix, below) in [
        ("", ""),
        ("/", ""),
        ("auth", "/auth"),
        ("/auth/", "/auth"),
        ("//a//b", "/a/b"),
        ("/a%2Fb", "/a%2Fb"),
    ] {
        let endpoints = Endpoints::new(&world.sessions).under(prefix);
        for path in ["/token", "/refresh-token"] {
            let request = post(FORM, &refresh_form(&world.token().await));
            let answer = at(&endpoints, &format!("{below}{path}"), request).await;
            answer.unwrap().granted();
        }
        let request = post(FORM, "token=unknown");
        let answer = at(&endpoints, &format!("{below}/revoke?x=y"), request).await;
        assert_eq!(answer.unwrap().status, StatusCode::OK);
        for path in ["/.well-known/jwks.json", METADATA] {
            let answer = at(&endpoints, path, bare(Method::GET)).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn other_paths_come_back_untouched() {
    let world = world();
    let endpoints = Endpoints::new(&world.sessions).under("/auth");
    for path in [
        "/",
        "/token",
        "/auth",
        "/auth/",
        "/auth/token/",
        "/auth//token",
        "//auth/token",
        "/auth/toke%6E",
        "/Auth/token",
        "/auth/tokens",
        "/authtoken",
        "/auth/login",
        "/auth/.well-known/jwks.json",
        "/.well-known/jwks.json/",
        "/.well-known/oauth-authorization-server",
        "/x/auth/token",
    ] {
        let mut request = post(FORM, "grant_type=refresh_token");
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert("x-kept", "1".parse().unwrap());
        let request = endpoints.serve(request).expect_err(path);
        assert_eq!(request.uri(), path);
        assert_eq!(request.headers()["x-kept"], "1");
    }
}

#[tokio::test]
async fn settings_reach_every_endpoint() {
    let world = world();
    let endpoints = Endpoints::new(&world.sessions)
        .body_limit(64)
        .jwks_max_age(Duration::from_secs(7))
        .authenticate_client(async |id: String, _| id == "app");
    for path in ["/token", "/refresh-token", "/revoke"] {
        let over = post(FORM, &"x".repeat(65));
        at(&endpoints, path, over)
            .await
            .unwrap()
            .refused(413, "invalid_request");
    }
    let endpoints = endpoints.body_limit(200);
    for path in ["/token", "/refresh-token", "/revoke"] {
        let form = "grant_type=refresh_token&refresh_token=x&token=x&client_secret=c&client_id=";
        let other = post(FORM, &format!("{form}b"));
        at(&endpoints, path, other)
            .await
            .unwrap()
            .refused(401, "invalid_client");
        let own = at(&endpoints, path, post(FORM, &format!("{form}app")))
            .await
            .unwrap();
        assert_ne!(own.status, StatusCode::UNAUTHORIZED);
    }
    for path in ["/.well-known/jwks.json", METADATA] {
        let answer = at(&endpoints, path, bare(Method::GET)).await.unwrap();
        assert_eq!(answer.header("cache-control"), "public, max-age=7");
    }
}

#[tokio::test]
async fn the_metadata_name_all_of_it() {
    let world = world();
    let endpoints = Endpoints::new(&world.sessions).under("/auth");
    let metadata = at(&endpoints, METADATA, bare(Method::GET))
        .await
        .unwrap()
        .json();
    assert_eq!(
        metadata,
        json!({
            "issuer": ISSUER,
            "token_endpoint": "https://id.example/auth/token",
            "revocation_endpoint": "https://id.example/auth/revoke",
            "jwks_uri": "https://id.example/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": ["refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
        })
    );
    let endpoints = endpoints.authenticate_client(async |_, _| false);
    let metadata = at(&endpoints, METADATA, bare(Method::GET))
        .await
        .unwrap()
        .json();
    assert_eq!(
        metadata["token_endpoint_auth_methods_supported"],
        json!(["none", "client_secret_basic", "client_secret_post"])
    );
}

#[cfg(feature = "axum")]
mod axum_router {
    use axum::{Router, body::Body, routing::get};
    use tower::ServiceExt;

    use super::*;

    async fn status(app: &Router, request: Request<Full<Bytes>>, path: &str) -> u16 {
        let mut request = request.map(Body::new);
        *request.uri_mut() = path.parse().unwrap();
        app.clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    #[tokio::test]
    async fn a_router_merges_and_nests() {
        let world = world();
        let form = refresh_form(&world.token().await);
        for prefix in ["", "/auth", "/{x}"] {
            let router = Endpoints::new(&world.sessions).under(prefix).into_router();
            let app = Router::new()
                .route("/", get(async || "home"))
                .merge(router.clone());
            let app = app.nest("/inner", router).with_state(());
            let at = |path: &str| format!("{prefix}{path}");
            assert_eq!(status(&app, post(FORM, &form), &at("/token")).await, 200);
            assert_eq!(
                status(&app, post(FORM, &form), &at("/refresh-token")).await,
                200
            );
            assert_eq!(
                status(&app, post(FORM, &form), &format!("/inner{prefix}/token")).await,
                200
            );
            assert_eq!(
                status(&app, post(FORM, "token=x"), &at("/revoke")).await,
                200
            );
            assert_eq!(status(&app, bare(Method::GET), &at("/token")).await, 405);
            assert_eq!(
                status(&app, bare(Method::GET), "/.well-known/jwks.json").await,
                200
            );
            assert_eq!(status(&app, bare(Method::HEAD), METADATA).await, 200);
            assert_eq!(status(&app, bare(Method::GET), "/").await, 200);
            assert_eq!(status(&app, post(FORM, &form), &at("/token/")).await, 404);
        }
    }
}
