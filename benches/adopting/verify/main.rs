//! A route of axum that takes access tokens of an issuer whose keys are in a file.

use axum::{Router, routing::get};
use tower_bearer::{Claims, Verifier, VerifyingKeys, bearer::BearerLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = VerifyingKeys::from_jwks(&std::fs::read_to_string("jwks.json")?)?;
    let verifier = Verifier::new("https://id.example", "https://api.example", keys)?;
    let app = Router::new()
        .route("/me", get(me))
        .layer(BearerLayer::new(verifier));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn me(claims: Claims) -> String {
    claims.sub
}
