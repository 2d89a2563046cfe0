//! The README's server: login, refresh, a protected route and logout, with the sessions in PostgreSQL.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use tower_bearer::{
    Algorithm, Claims, Issuer, KeySet, SigningKey, TokenResponse, Verifier,
    bearer::BearerLayer,
    endpoint::TokenEndpoint,
    session::{Grant, RefreshKey, SessionError, Sessions},
};
use tower_bearer_sqlx::PostgresStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
    let verifier = Verifier::new(
        "https://id.example",
        "https://api.example",
        keys.verifying(),
    )?;
    let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
    let refresh_key = RefreshKey::from_secret(std::env::var("REFRESH_TOKEN_SECRET")?)?;
    let store = PostgresStore::connect("postgres://localhost/app").await?;
    let sessions = Sessions::builder(issuer, refresh_key, store).build()?;
    sessions.load_ended().await?;
    let _clean_up = sessions.clean_up(Duration::from_secs(3600))?;

    let app = Router::new()
        .route("/me", get(me))
        .route("/logout", post(logout))
        .route_layer(BearerLayer::new(verifier).sessions(&sessions))
        .route("/login", post(login))
        .route_service("/auth/token", TokenEndpoint::new(sessions.clone()))
        .with_state(sessions);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Login {
    user: String,
}

async fn login(
    State(sessions): State<Sessions>,
    Json(login): Json<Login>,
) -> Result<TokenResponse, SessionError> {
    sessions.start(Grant::new(login.user)).await
}

async fn me(claims: Claims) -> String {
    claims.sub
}

async fn logout(
    State(sessions): State<Sessions>,
    claims: Claims,
) -> Result<StatusCode, SessionError> {
    if let Some(session) = claims.session_id() {
        sessions.end(session, &claims).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
