//! Extractors and responses on axum.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    response::IntoResponse,
    routing::{get, post},
};
use http::{Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};
use tests_shared::tokens::{Tokens, bare, bearer};
use tower::ServiceExt;
use tower_bearer::{
    Claims, VerifiedToken,
    bearer::{BearerLayer, Realm, Rejection, Roles},
    context::RequestContext,
    error::{ErrorCode, TokenError},
};

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Mine {
    role: String,
}

async fn me(claims: Claims<Mine>) -> String {
    format!("{} {}", claims.sub, claims.private.role)
}

async fn perhaps_me(claims: Option<Claims<Mine>>) -> String {
    claims.map_or("nobody".into(), |claims| claims.private.role)
}

async fn subject(token: VerifiedToken) -> String {
    token.claims().sub.clone()
}

async fn perhaps_subject(token: Option<VerifiedToken>) -> String {
    token.map_or("nobody".into(), |token| token.claims().sub.clone())
}

async fn client(context: RequestContext) -> String {
    let agent = context.user_agent().unwrap_or("nobody");
    format!("{agent} at {:?}", context.address())
}

fn routes() -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/perhaps-me", get(perhaps_me))
        .route("/subject", get(subject))
        .route("/perhaps-subject", get(perhaps_subject))
}

const ALL: [&str; 4] = ["/me", "/perhaps-me", "/subject", "/perhaps-subject"];

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone()).realm(Realm::from_static("axum"))
}

/// A token of alice the cook.
fn cook(tokens: &Tokens) -> String {
    tokens.sign(&tokens.claims().with_private(Mine {
        role: "cook".into(),
    }))
}

async fn send(app: Router, path: &str, request: Request<()>) -> (Response<()>, String) {
    let mut request = request.map(|()| Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    read(app.oneshot(request).await.unwrap()).await
}

async fn read(response: Response<Body>) -> (Response<()>, String) {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 64 * 1024).await.unwrap();
    (
        Response::from_parts(head, ()),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn claims_of_a_good_token() {
    let tokens = Tokens::new();
    let app = routes().route_layer(layer(&tokens));
    for (path, expected) in ALL
        .into_iter()
        .zip(["alice cook", "cook", "alice", "alice"])
    {
        let (head, body) = send(app.clone(), path, bearer(&cook(&tokens))).await;
        assert_eq!(
            (head.status(), body.as_str()),
            (StatusCode::OK, expected),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_layer_fits_a_router_as_a_whole_and_a_single_route() {
    let tokens = Tokens::new();
    let whole = routes().layer(layer(&tokens));
    let single = Router::new().route("/subject", get(subject).layer(layer(&tokens)));
    for app in [whole, single] {
        let (head, _) = send(app.clone(), "/subject", bearer(&tokens.plain())).await;
        assert_eq!(head.status(), StatusCode::OK);
        let (head, _) = send(app, "/subject", bare()).await;
        assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(head.headers()[WWW_AUTHENTICATE], r#"Bearer realm="axum""#);
    }
}

#[tokio::test]
async fn head_through_axum_says_the_length_of_a_get() {
    let tokens = Tokens::new();
    let app = routes().route_layer(layer(&tokens));
    let mut request = bare();
    *request.method_mut() = http::Method::HEAD;
    let (head, body) = send(app.clone(), "/me", request).await;
    let (_, of_get) = send(app, "/me", bare()).await;
    assert_eq!(body, "");
    assert_eq!(head.headers()["content-length"], of_get.len().to_string());
}

#[tokio::test]
async fn absent_is_none_and_bad_is_refused() {
    let tokens = Tokens::new();
    let app = routes().route_layer(layer(&tokens).optional());
    for path in ["/perhaps-me", "/perhaps-subject"] {
        let (head, body) = send(app.clone(), path, bare()).await;
        assert_eq!((head.status(), body.as_str()), (StatusCode::OK, "nobody"));
        let (head, _) = send(app.clone(), path, bearer("a.b.c")).await;
        assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_handler_that_needs_claims_under_an_optional_layer_is_401() {
    let tokens = Tokens::new();
    let app = routes().route_layer(layer(&tokens).optional());
    for path in ["/me", "/subject"] {
        let (head, body) = send(app.clone(), path, bare()).await;
        assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(head.headers()[WWW_AUTHENTICATE], r#"Bearer realm="axum""#);
        assert!(body.contains("an access token is required"), "{body}");
    }
}

#[tokio::test]
async fn a_missing_layer_is_a_500_that_helps() {
    let tokens = Tokens::new();
    for path in ALL {
        let (head, body) = send(routes(), path, bearer(&cook(&tokens))).await;
        assert_eq!(head.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("BearerLayer"), "{body}");
    }
}

#[tokio::test]
async fn private_claims_that_do_not_fit_are_401() {
    let tokens = Tokens::new();
    let app = routes().route_layer(layer(&tokens));
    for path in ["/me", "/perhaps-me"] {
        let (head, body) = send(app.clone(), path, bearer(&tokens.plain())).await;
        assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
        let challenge = head.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        assert!(challenge.starts_with(r#"Bearer realm="axum", error="invalid_token""#));
        assert!(!body.contains("role"), "{body}");
    }
}

#[tokio::test]
async fn rejections_are_responses() {
    let needed = "admin".parse().unwrap();
    let rejection = Rejection::insufficient_scope(&needed).with_realm(Realm::from_static("mine"));
    let (head, body) = read(IntoResponse::into_response(rejection)).await;
    assert_eq!(head.status(), StatusCode::FORBIDDEN);
    let challenge = head.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="mine""#) && challenge.ends_with(r#""admin""#));
    assert!(body.contains("insufficient_scope"));

    let rejection = Rejection::from(TokenError::TooLong);
    assert_eq!(rejection.code(), ErrorCode::InvalidRequest);
    assert_eq!(rejection.cause(), Some(TokenError::TooLong));
}

#[tokio::test]
async fn a_grpc_request_is_refused_in_its_own_form() {
    let tokens = Tokens::new();
    let app = Router::new()
        .route("/subject", post(subject))
        .route_layer(layer(&tokens).optional());
    let request = Request::post("/").header("content-type", "application/grpc");
    let (head, body) = send(app, "/subject", request.body(()).unwrap()).await;
    assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(head.headers()["grpc-status"], "16");
    assert_eq!(head.headers()[WWW_AUTHENTICATE], r#"Bearer realm="axum""#);
    assert_eq!(body, "");
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Role {
    Editor,
    TeamLead,
}

#[derive(Serialize)]
struct WithRoles {
    roles: serde_json::Value,
}

fn with_roles(tokens: &Tokens, roles: serde_json::Value) -> String {
    tokens.sign(&tokens.claims().with_private(WithRoles { roles }))
}

fn routes_by_role() -> Router {
    async fn all(roles: Roles) -> String {
        roles.into_iter().collect::<Vec<_>>().join(",")
    }
    async fn known(roles: Option<Roles<Role>>) -> String {
        format!(
            "{:?}",
            roles.map(|roles| roles.into_iter().collect::<Vec<_>>())
        )
    }
    async fn lead(roles: Roles<Role>) -> Result<&'static str, Rejection> {
        roles.require(&Role::TeamLead)?;
        Ok("in")
    }
    Router::new()
        .route("/all", get(all))
        .route("/known", get(known))
        .route("/lead", get(lead))
}

#[tokio::test]
async fn roles_are_typed_and_unknown_ones_left_out() {
    let tokens = Tokens::new();
    let app = routes_by_role().route_layer(layer(&tokens));
    let token = with_roles(
        &tokens,
        serde_json::json!(["team-lead", "admin of all", "TeamLead", { "value": "guest" }]),
    );
    for (path, expected) in [
        ("/all", "team-lead,admin of all,TeamLead,guest"),
        ("/known", "Some([TeamLead])"),
        ("/lead", "in"),
    ] {
        let (head, body) = send(app.clone(), path, bearer(&token)).await;
        assert_eq!(
            (head.status(), body.as_str()),
            (StatusCode::OK, expected),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_missing_role_is_a_403_that_names_no_scope() {
    let tokens = Tokens::new();
    let app = routes_by_role().route_layer(layer(&tokens));
    for token in [
        tokens.plain(),
        with_roles(&tokens, serde_json::json!(["editor"])),
        with_roles(&tokens, serde_json::json!("editor team-lead")),
        with_roles(&tokens, serde_json::json!([])),
    ] {
        let (head, body) = send(app.clone(), "/lead", bearer(&token)).await;
        assert_eq!(head.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            head.headers()[WWW_AUTHENTICATE],
            r#"Bearer realm="axum", error="insufficient_scope", error_description="the access token does not allow this""#
        );
        assert!(body.contains(r#""error":"insufficient_scope""#), "{body}");
    }
}

#[tokio::test]
async fn a_token_whose_roles_cannot_be_read_is_a_401() {
    let tokens = Tokens::new();
    let app = routes_by_role().route_layer(layer(&tokens));
    for odd in [
        serde_json::json!([["team-lead"]]),
        serde_json::json!(["team-lead", 7]),
        serde_json::json!(null),
    ] {
        let claims = serde_json::json!({ "roles": odd });
        let token = tokens.forge(&serde_json::Value::Null, &claims);
        let (head, body) = send(app.clone(), "/all", bearer(&token)).await;
        assert_eq!(head.status(), StatusCode::UNAUTHORIZED, "{body}");
    }
}

#[tokio::test]
async fn roles_need_a_token_and_a_layer() {
    let tokens = Tokens::new();
    let app = routes_by_role().route_layer(layer(&tokens).optional());
    for (path, status, expected) in [
        ("/all", StatusCode::UNAUTHORIZED, None),
        ("/known", StatusCode::OK, Some("None")),
    ] {
        let (head, body) = send(app.clone(), path, bare()).await;
        assert_eq!(head.status(), status);
        assert!(expected.is_none_or(|expected| expected == body), "{body}");
    }
    let (head, _) = send(routes_by_role(), "/all", bare()).await;
    assert_eq!(head.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn the_context_is_that_of_the_connection() {
    let service = Router::new()
        .route("/", get(client))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, service).await });
    let asked = reqwest::Client::new()
        .get(url)
        .header("user-agent", "shop/1.2")
        .header("x-forwarded-for", "192.0.2.7");
    let text = asked.send().await.unwrap().text().await.unwrap();
    assert_eq!(text, "shop/1.2 at Some(127.0.0.1)");
}

#[tokio::test]
async fn a_request_without_a_connection_has_a_context_too() {
    let app = Router::new().route("/", get(client));
    let (_, text) = send(app, "/", bare()).await;
    assert_eq!(text, "nobody at None");
}
