//! All endpoints together, each at its path.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tower::{Layer, service_fn};
use tower_bearer::{
    endpoint::{ClientSecret, EndpointOptions, Endpoints},
    store::MemoryStore,
};

use crate::support::*;

const METADATA: &str = "/.well-known/oauth-authorization-server/tenant";

/// The answer at a path, if it is one of the endpoints'.
async fn at(
    endpoints: &Endpoints<MemoryStore>,
    path: &str,
    mut request: Request<Full<Bytes>>,
) -> Option<Answer> {
    *request.uri_mut() = path.parse().unwrap();
    let service = endpoints.layer(service_fn(echo));
    let answer = ask(service, request).await;
    (answer.status != StatusCode::IM_A_TEAPOT).then_some(answer)
}

/// Stands behind the endpoints and gives back what it gets.
async fn echo(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::IM_A_TEAPOT;
    *response.headers_mut() = head.headers;
    let uri = head.uri.to_string().parse().unwrap();
    response.headers_mut().insert("x-uri", uri);
    Ok(response)
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
        let form = "grant_type=refresh_token";
        let mut request = post(FORM, form);
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert("x-kept", "1".parse().unwrap());
        let passed_on = ask(endpoints.layer(service_fn(echo)), request).await;
        assert_eq!(passed_on.status, StatusCode::IM_A_TEAPOT, "{path}");
        assert_eq!(passed_on.header("x-uri"), path);
        assert_eq!(passed_on.header("x-kept"), "1");
        assert_eq!(passed_on.body, form);
    }
}

#[tokio::test]
async fn settings_reach_every_endpoint() {
    let world = world();
    let options = EndpointOptions::new().authenticate_client(async |id: String, _| id == "app");
    let endpoints = Endpoints::new(&world.sessions)
        .options(options.clone().body_limit(64))
        .jwks_max_age(Duration::from_secs(7))
        .jwks_stale_if_error(Duration::from_secs(60));
    for path in ["/token", "/refresh-token", "/revoke"] {
        let over = post(FORM, &"x".repeat(65));
        at(&endpoints, path, over)
            .await
            .unwrap()
            .refused(413, "invalid_request");
    }
    let endpoints = endpoints.options(options.body_limit(200));
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
    for (path, cached) in [
        (
            "/.well-known/jwks.json",
            "public, max-age=7, stale-if-error=60",
        ),
        (METADATA, "public, max-age=7"),
    ] {
        let answer = at(&endpoints, path, bare(Method::GET)).await.unwrap();
        assert_eq!(answer.header("cache-control"), cached);
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
    let by_secret = ["client_secret_basic", "client_secret_post"];
    let checked = EndpointOptions::new().authenticate_client(async |_, _| false);
    assert_eq!(
        methods(&endpoints.clone().options(checked.clone())).await,
        ["none", by_secret[0], by_secret[1]]
    );
    let required = checked.require_client_authentication();
    assert_eq!(
        methods(&endpoints.clone().options(required)).await,
        by_secret
    );
    let unchecked = EndpointOptions::new().require_client_authentication();
    assert_eq!(methods(&endpoints.options(unchecked)).await, by_secret);
}

/// The endpoint is named where somebody may ask it.
#[tokio::test]
async fn the_metadata_name_the_introspection_endpoint_with_its_methods() {
    let world = world();
    let endpoints = Endpoints::new(&world.sessions).under("/auth");
    let by_secret = ["client_secret_basic", "client_secret_post"];
    let secrets = EndpointOptions::new().authenticate_client(async |_, _| false);
    let by_token = |options: EndpointOptions| {
        options.authenticate_resource_server(async |_| Ok::<_, Infallible>(None))
    };
    for (options, expected) in [
        (EndpointOptions::new(), json!(null)),
        (
            EndpointOptions::new().require_client_authentication(),
            json!(null),
        ),
        (
            EndpointOptions::new().resource_server("api", AUDIENCE),
            json!(null),
        ),
        (secrets.clone(), json!(by_secret)),
        (by_token(EndpointOptions::new()), json!(["Bearer"])),
        (
            by_token(secrets),
            json!([by_secret[0], by_secret[1], "Bearer"]),
        ),
    ] {
        let endpoints = endpoints.clone().options(options);
        let answer = at(&endpoints, METADATA, bare(Method::GET)).await.unwrap();
        let metadata = answer.json();
        let (address, algorithms) = match expected.is_null() {
            true => (json!(null), json!(null)),
            false => (
                json!("https://id.example/auth/introspect"),
                json!(["EdDSA"]),
            ),
        };
        assert_eq!(metadata["introspection_endpoint"], address);
        assert_eq!(
            metadata["introspection_endpoint_auth_methods_supported"],
            expected
        );
        assert_eq!(
            metadata["introspection_signing_alg_values_supported"],
            algorithms
        );
        let request = post(FORM, "token=a.b.c");
        let answer = at(&endpoints, "/auth/introspect", request).await.unwrap();
        answer.refused(401, "invalid_client");
    }
}

/// How clients authenticate, as the metadata tell it of both endpoints.
async fn methods(endpoints: &Endpoints<MemoryStore>) -> Vec<String> {
    let answer = at(endpoints, METADATA, bare(Method::GET)).await.unwrap();
    let metadata = answer.json();
    let methods = &metadata["token_endpoint_auth_methods_supported"];
    assert_eq!(
        methods,
        &metadata["revocation_endpoint_auth_methods_supported"]
    );
    serde_json::from_value(methods.clone()).unwrap()
}

#[tokio::test]
async fn required_authentication_reaches_every_endpoint_that_has_clients() {
    let world = world();
    let options = EndpointOptions::new()
        .require_client_authentication()
        .authenticate_client(async |_, secret: ClientSecret| secret.matches("s"));
    let endpoints = Endpoints::new(&world.sessions).options(options);
    for path in ["/token", "/refresh-token", "/revoke"] {
        let token = world.token().await;
        let form = format!("{}&token={token}&client_id=app", refresh_form(&token));
        let public = at(&endpoints, path, post(FORM, &form)).await;
        public.unwrap().refused(401, "invalid_client");
        let proven = post(FORM, &format!("{form}&client_secret=s"));
        let answer = at(&endpoints, path, proven).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
    }
    let keys = at(&endpoints, "/.well-known/jwks.json", bare(Method::GET)).await;
    assert_eq!(keys.unwrap().status, StatusCode::OK);
}

#[cfg(feature = "axum")]
mod axum_router {
    use axum::{Router, body::Body, routing::get};
    use tower::ServiceExt;
    use tower_bearer::{
        Issuer,
        session::{RefreshKey, Sessions},
    };

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
        for prefix in [
            "",
            "/auth",
            "/{x}",
            "/{",
            "/}",
            "/{*x}",
            "/:a",
            "/*b",
            "/:",
            "/*",
            "/:a/*b",
            "/a:b*",
            "/auth/:a/{c}",
            "/.well-known",
            "/{segment1}/:a",
        ] {
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

    /// The router cannot tell such a segment from others; the endpoints behind it can.
    #[tokio::test]
    async fn only_the_prefix_itself_is_answered() {
        let world = world();
        let form = refresh_form(&world.token().await);
        for (prefix, others) in [
            ("/:a", ["/a", "/:b", "/%3Aa"]),
            ("/*b", ["/b", "/*c", "/*b/x"]),
            ("/{c}", ["/c", "/{d}", "/{{c}}"]),
        ] {
            let router = Endpoints::new(&world.sessions).under(prefix).into_router();
            let app = Router::new()
                .route("/own/token", get(async || "own"))
                .merge(router);
            for other in others {
                let path = format!("{other}/token");
                assert_eq!(status(&app, post(FORM, &form), &path).await, 404, "{path}");
            }
            assert_eq!(status(&app, bare(Method::GET), "/own/token").await, 200);
        }
    }

    /// An issuer's path is in the metadata's, and may be anything.
    #[tokio::test]
    async fn an_issuers_path_makes_no_router_panic() {
        let world = world();
        let well_known = "/.well-known/oauth-authorization-server";
        for (own, prefix) in [("/:x", ""), ("/*", "/*"), ("/token", well_known)] {
            let id = format!("https://id.example{own}");
            let issuer = Issuer::new(id, AUDIENCE, world.keys.clone()).unwrap();
            let key = RefreshKey::from_secret([7; 32]).unwrap();
            let sessions = Sessions::builder(issuer, key, world.store.clone())
                .build()
                .unwrap();
            let router = Endpoints::new(&sessions).under(prefix).into_router();
            let app = Router::new().merge(router);
            let path = format!("{well_known}{own}");
            assert_eq!(status(&app, bare(Method::GET), &path).await, 200, "{path}");
        }
    }
}
