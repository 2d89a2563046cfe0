//! session-guard's README: login, a protected route and logout, with the sessions in PostgreSQL.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use session_guard::{AuthSession, Guard, GuardError, NewSession, PgStore, Sessions, axum::LoggedOut};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = sqlx::PgPool::connect("postgres://localhost/app").await?;
    let guard = Guard::new(PgStore::migrated(pool).await?);
    let _purge = guard.spawn_purge(Duration::from_secs(3600));

    let app = Router::new()
        .route("/me", get(me))
        .layer(guard.layer())
        .route("/login", post(login))
        .route("/logout", post(logout))
        .with_state(guard);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Login {
    user: Uuid,
}

async fn login(
    sessions: Sessions<PgStore>,
    Json(login): Json<Login>,
) -> Result<(NewSession, StatusCode), GuardError> {
    let session = sessions.login(&login.user).await?;
    Ok((session, StatusCode::NO_CONTENT))
}

async fn me(session: AuthSession<Uuid>) -> String {
    session.subject.to_string()
}

async fn logout(sessions: Sessions<PgStore>) -> Result<(LoggedOut, StatusCode), GuardError> {
    Ok((sessions.logout().await?, StatusCode::NO_CONTENT))
}
