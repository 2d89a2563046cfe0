//! A route of axum behind jwt-authorizer, with the keys of an issuer in a file.

use axum::{Router, routing::get};
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer, JwtClaims, Validation};

#[derive(Clone, serde::Deserialize)]
struct User {
    sub: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let validation = Validation::new()
        .iss(&["https://id.example"])
        .aud(&["https://api.example"]);
    let authorizer: Authorizer<User> = JwtAuthorizer::from_jwks("jwks.json")
        .validation(validation)
        .build()
        .await?;
    let app = Router::new()
        .route("/me", get(me))
        .layer(authorizer.into_layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn me(JwtClaims(user): JwtClaims<User>) -> String {
    user.sub
}
