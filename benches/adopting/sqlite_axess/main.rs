//! Login, a protected route and logout with axess-core's session layer, with the sessions in SQLite.

use std::time::{Duration, SystemTime};

use axess_core::{
    AuthSession, SessionLayer, SqliteSessionStore, TenantId, UserId, session::SessionCrypto,
};
use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use sqlx::SqlitePool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = SqlitePool::connect("sqlite:app.db").await?;
    let store = SqliteSessionStore::new(pool, SessionCrypto::new([1; 32]));
    store.init_schema().await?;
    let _clean_up = store.spawn_cleanup_task(Duration::from_secs(3600));

    let sessions = SessionLayer::new(store, [2; 32]);
    let app = Router::new()
        .route("/me", get(me))
        .route("/logout", post(logout))
        .route("/login", post(login))
        .layer(sessions);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Login {
    user: UserId,
}

async fn login(session: AuthSession, Json(login): Json<Login>) {
    let now = SystemTime::now().into();
    session
        .set_authenticated(login.user, TenantId::SYSTEM, now)
        .await;
}

async fn me(session: AuthSession) -> Result<String, StatusCode> {
    let user = session.user_id().await.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(user.to_string())
}

async fn logout(session: AuthSession) {
    session.clear().await;
}
