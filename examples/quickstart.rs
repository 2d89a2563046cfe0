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
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    routing::{delete, get, post},
};
use serde_json::{Value, json};
use tower_bearer::{
    Claims, TokenResponse,
    bearer::BearerLayer,
    endpoint::Endpoints,
    store::{MemoryStore, SessionStore},
};
#[cfg(feature = "redis")]
use tower_bearer_redis::RedisStore;
#[cfg(feature = "postgres")]
use tower_bearer_sqlx::PostgresStore;
use tower_bearer_sqlx::SqliteStore;

use shared::{
    auth::{self, Auth, Failure},
    config::{Config, StartError, Store},
    server,
};
use with_axum::{Listed, answer};

fn router<St: SessionStore>(auth: Auth<St>) -> Router {
    let bearer = BearerLayer::new(auth.verifier.clone()).sessions(&auth.sessions);

    let for_users = Router::new()
        .route("/me", get(me))
        .route("/auth/logout", post(log_out::<St>))
        .route("/auth/logout-all", post(log_out_everywhere::<St>))
        .route("/auth/sessions", get(list::<St>))
        .route("/auth/sessions/{sid}", delete(end::<St>))
        .route_layer(bearer.clone());

    let for_admins = Router::new()
        .route("/admin", get(admin))
        .route_layer(bearer.require_scope("admin"));

    Router::new()
        .route("/health", get(health))
        .route("/auth/login", post(log_in::<St>))
        .layer(DefaultBodyLimit::max(auth::MAX_BODY))
        .merge(Endpoints::new(&auth.sessions).under("/auth").into_router())
        .merge(for_users)
        .merge(for_admins)
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
        .with_state(auth)
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn log_in<St: SessionStore>(
    State(auth): State<Auth<St>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<TokenResponse, Failure> {
    auth.log_in(&headers, &body?).await
}

async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn admin(claims: Claims) -> Json<Value> {
    Json(json!({ "admin": claims.sub }))
}

async fn log_out<St: SessionStore>(
    State(auth): State<Auth<St>>,
    claims: Claims,
) -> Result<StatusCode, Failure> {
    auth.log_out(&claims).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn log_out_everywhere<St: SessionStore>(
    State(auth): State<Auth<St>>,
    claims: Claims,
) -> Result<StatusCode, Failure> {
    auth.log_out_everywhere(&claims).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list<St: SessionStore>(
    State(auth): State<Auth<St>>,
    claims: Claims,
) -> Result<Listed, Failure> {
    Ok(Listed(auth.list(&claims).await?))
}

async fn end<St: SessionStore>(
    State(auth): State<Auth<St>>,
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
    match config.store()? {
        Store::Memory => serve(Auth::new(&config, MemoryStore::new())?, &config).await,
        Store::Sqlite { address, .. } => {
            let store = server::opened(SqliteStore::connect(address).await)?;
            let served = serve(Auth::new(&config, store.clone())?, &config).await;
            store.close().await;
            served
        }
        #[cfg(feature = "postgres")]
        Store::Postgres { address } => {
            let store = server::opened(PostgresStore::connect(address).await)?;
            serve(Auth::new(&config, store)?, &config).await
        }
        #[cfg(feature = "redis")]
        Store::Redis { address } => {
            let store = server::opened(RedisStore::connect(address).await)?;
            serve(Auth::new(&config, store)?, &config).await
        }
    }
}

async fn serve<St: SessionStore>(auth: Auth<St>, config: &Config) -> Result<(), StartError> {
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let clean_up = server::clean_up(&auth.sessions)?;
    server::announce(&listener, server::TRY)?;
    let served = answer(listener, router(auth.clone()), stop).await;
    server::wind_down(&auth.sessions, clean_up).await;
    served
}
