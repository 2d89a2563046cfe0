//! An API for the access tokens of another issuer: an identity provider that you do not run.
//!
//! ```text
//! ISSUER=https://id.example AUDIENCE=https://api.example \
//!   cargo run -p examples --features remote --bin resource_server
//! ```
//!
//! It also starts while the issuer cannot be reached, and answers 503 until it has keys.

#[path = "resource_server/config.rs"]
mod config;
#[allow(dead_code, reason = "the other servers use all of it")]
mod shared;
#[allow(dead_code, reason = "the other servers use all of it")]
#[path = "shared/with_axum.rs"]
mod with_axum;

use std::process::ExitCode;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tower_bearer::{Claims, Scope, Verifier, bearer::BearerLayer, resource::ProtectedResource};

use config::Config;
use shared::{auth::Failure, config::StartError, server};
use with_axum::answer;

/// Where a client learns which issuers give tokens for this API (RFC 9728 §3).
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// What an administrator's token has.
const ADMIN: Scope = Scope::from_static("admin");

const TRY: &str = r#"
Get an access token from your issuer, and in another terminal:

  curl -s http://{addr}/me -H "Authorization: Bearer $TOKEN"

"#;

fn router(verifier: Verifier, resource: &ProtectedResource) -> Router {
    let bearer = BearerLayer::new(verifier).resource(resource);
    let for_users = Router::new()
        .route("/me", get(me))
        .route_layer(bearer.clone());
    let for_admins = Router::new()
        .route("/admin", get(admin))
        .route_layer(bearer.require_scope(ADMIN));
    let metadata = match resource.path() {
        METADATA => Router::new(),
        _ => resource.clone().into_router(),
    };
    metadata
        .route_service(METADATA, resource.clone())
        .route("/health", get(health))
        .merge(for_users)
        .merge(for_admins)
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn admin(claims: Claims) -> Json<Value> {
    Json(json!({ "admin": claims.sub }))
}

#[tokio::main]
async fn main() -> ExitCode {
    server::exit(run().await)
}

async fn run() -> Result<(), StartError> {
    let config = Config::load()?;
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let router = router(config.verifier()?, &config.resource(&listener)?);
    // Not before: what is wrong with a setting is one line.
    server::log();
    server::announce(&listener, TRY)?;
    answer(listener, router, stop).await
}
