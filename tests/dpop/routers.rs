//! axum's routers, which take a part of the path away.

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use http::{Request, StatusCode, request::Parts};
use tests_shared::proofs::ProofKey;
use tower::ServiceExt;
use tower_bearer::{
    Claims, TokenResponse,
    dpop::{DpopError, DpopVerifier},
    endpoint::Endpoints,
    session::{Grant, SessionError, Sessions},
    store::MemoryStore,
};

use crate::support::*;

#[derive(Clone)]
struct App {
    dpop: DpopVerifier,
    sessions: Sessions<MemoryStore>,
}

enum Failure {
    Proof(DpopError),
    Session(SessionError),
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Proof(error) => error.into_response(),
            Self::Session(error) => error.into_response(),
        }
    }
}

async fn log_in(State(app): State<App>, parts: Parts) -> Result<TokenResponse, Failure> {
    let mut grant = Grant::new("anna");
    if let Some(proof) = app.dpop.verify(&parts).map_err(Failure::Proof)? {
        grant = grant.bound_to(proof);
    }
    app.sessions.start(grant).await.map_err(Failure::Session)
}

fn router(world: &World) -> Router {
    let app = App {
        dpop: world.dpop.clone(),
        sessions: world.sessions.clone(),
    };
    let inner = Router::new()
        .route("/login", post(log_in))
        .merge(
            Endpoints::new(&world.sessions)
                .options(world.options())
                .into_router(),
        )
        .route(
            "/me",
            get(async |claims: Claims| claims.sub).layer(world.layer()),
        )
        .route(
            "/open",
            get(async |claims: Claims| claims.sub).layer(world.layer().optional()),
        )
        .with_state(app);
    Router::new().nest("/v1", Router::new().nest("/auth", inner))
}

async fn sent(world: &World, request: Request<axum::body::Body>) -> Answer {
    let answer = router(world).oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

fn nested() -> World {
    world().with(DpopVerifier::original_uri)
}

#[tokio::test]
async fn a_nested_router_knows_the_whole_path() {
    let (world, key) = (nested(), ProofKey::es256());
    let login = |url: &str| {
        let proof = world.proof(&key, "POST", url).sign();
        let request = Request::post("/v1/auth/login").header("dpop", proof);
        request.body(axum::body::Body::empty()).unwrap()
    };
    let wrong = login("https://api.example/login");
    sent(&world, wrong).await.refused(400, "invalid_dpop_proof");
    let answer = sent(&world, login("https://api.example/v1/auth/login"))
        .await
        .ok()
        .json();
    assert_eq!(answer["token_type"], "DPoP");
    let token = answer["access_token"].as_str().unwrap();

    let me = |path: &str, url: &str| {
        let proof = world.proof(&key, "GET", url).token(token).sign();
        let mut request = me(token, &proof).map(axum::body::Body::new);
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let url = "https://api.example/v1/auth/me";
    let of_me = sent(&world, me("/v1/auth/me", url)).await;
    assert_eq!(of_me.ok().body, "anna");
    sent(&world, me("/v1/auth/me", ME))
        .await
        .refused(401, "invalid_dpop_proof");

    let proof = world
        .proof(&key, "POST", "https://api.example/v1/auth/token")
        .sign();
    let refresh = answer["refresh_token"].as_str().unwrap();
    let request = Request::post("/v1/auth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("dpop", proof)
        .body(format!("grant_type=refresh_token&refresh_token={refresh}").into())
        .unwrap();
    sent(&world, request).await.ok();
}

/// A handler that asks for claims of a request without a token answers as the layer does.
#[tokio::test]
async fn an_extractor_names_both_schemes() {
    let world = world();
    let request = Request::get("/v1/auth/open")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = sent(&world, request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenges = answer.challenges();
    assert_eq!(challenges[0], r#"Bearer realm="api""#);
    assert!(challenges[1].starts_with(r#"DPoP realm="api", algs=""#));
}

/// `GET /v1/auth/me` by a client that sees this URL, at a server with this verifier.
async fn asked(verifier: DpopVerifier, url: &str) -> Answer {
    let world = world();
    let key = ProofKey::es256();
    let tokens = world.bound(&key).await;
    let verifier = verifier.clock(world.clock.clone());
    let world = world.with(|_| verifier);
    let token = tokens.access_token.expose();
    let proof = world.proof(&key, "GET", url).token(token).sign();
    let mut request = me(token, &proof).map(axum::body::Body::new);
    *request.uri_mut() = "/v1/auth/me".parse().unwrap();
    sent(&world, request).await
}

/// A proxy takes the part away that the address names; a nested router does the rest.
#[tokio::test]
async fn behind_a_proxy_that_takes_a_part_away_as_well() {
    let behind = DpopVerifier::new("https://api.example/shop").unwrap();
    let answer = asked(behind.original_uri(), "https://api.example/shop/v1/auth/me");
    answer.await.ok();
}

/// So that a program does not change its mind when some other crate turns on the feature `axum`.
#[tokio::test]
async fn a_verifier_that_is_told_nothing_sees_what_arrives() {
    let all_of_it = || DpopVerifier::new("https://api.example/v1/auth").unwrap();
    let url = "https://api.example/v1/auth/me";
    asked(all_of_it(), url).await.ok();
    let root = DpopVerifier::new("https://api.example").unwrap();
    asked(root, url).await.refused(401, "invalid_dpop_proof");
    let twice = asked(all_of_it().original_uri(), url).await;
    twice.refused(401, "invalid_dpop_proof");
}
