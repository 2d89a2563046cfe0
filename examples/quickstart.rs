//! A whole application on axum: log in, call, refresh, log out.
//!
//! ```text
//! cargo run -p examples --bin quickstart
//! ```

mod shared;
#[path = "shared/with_axum.rs"]
mod with_axum;

use std::process::ExitCode;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, request::Parts},
    routing::{delete, get, post},
};
use serde_json::{Value, json};
use tower_bearer::{Claims, Scope, TokenResponse, endpoint::Endpoints};

use shared::{
    auth::{self, Auth, Failure},
    config::{Config, StartError},
    keys, server,
    store::OpenStore,
};
use with_axum::{Listed, TimelyBody, answer};

/// What an administrator's token has.
const ADMIN: Scope = Scope::from_static("admin");

fn router(auth: Auth) -> Router {
    let bearer = auth.bearer();

    let endpoints = Endpoints::new(&auth.sessions)
        .under("/auth")
        .options(auth.endpoint_options());

    let for_users = Router::new()
        .route("/me", get(me))
        .route("/auth/logout", post(log_out))
        .route("/auth/logout-all", post(log_out_everywhere))
        .route("/auth/sessions", get(list))
        .route("/auth/sessions/{sid}", delete(end))
        .route_layer(bearer.clone());

    let for_admins = Router::new()
        .route("/admin", get(admin))
        .route_layer(bearer.require_scope(ADMIN));

    Router::new()
        .route("/health", get(health))
        .route("/auth/login", post(log_in))
        .layer(DefaultBodyLimit::max(auth::MAX_BODY))
        .merge(endpoints.into_router())
        .merge(for_users)
        .merge(for_admins)
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
        .with_state(auth)
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn log_in(
    State(auth): State<Auth>,
    request: Parts,
    TimelyBody(body): TimelyBody,
) -> Result<TokenResponse, Failure> {
    auth.log_in(&request, &body).await
}

async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn admin(claims: Claims) -> Json<Value> {
    Json(json!({ "admin": claims.sub }))
}

async fn log_out(State(auth): State<Auth>, claims: Claims) -> Result<StatusCode, Failure> {
    auth.log_out(&claims).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn log_out_everywhere(
    State(auth): State<Auth>,
    claims: Claims,
) -> Result<StatusCode, Failure> {
    auth.log_out_everywhere(&claims).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(auth): State<Auth>, claims: Claims) -> Result<Listed, Failure> {
    Ok(Listed(auth.list(&claims).await?))
}

async fn end(
    State(auth): State<Auth>,
    claims: Claims,
    Path(sid): Path<String>,
) -> Result<StatusCode, Failure> {
    auth.end(&claims, &sid).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[tokio::main]
async fn main() -> ExitCode {
    server::exit(run().await)
}

async fn run() -> Result<(), StartError> {
    let config = Config::load()?;
    server::log();
    let store = OpenStore::open(&config).await?;
    let served = serve(Auth::new(&config, &store).await?, &config).await;
    store.close().await;
    served
}

async fn serve(auth: Auth, config: &Config) -> Result<(), StartError> {
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let upkeep = server::prepare(&auth.sessions).await?;
    server::announce(&listener, server::TRY)?;
    keys::tell(config)?;
    let served = answer(listener, router(auth.clone()), stop).await;
    server::wind_down(&auth.sessions, upkeep).await;
    served
}
