//! A route of axum that checks tokens by hand: an extractor with jsonwebtoken, as axum's example of it
//! does. It answers each failure with a bare 401, without a challenge.

use std::sync::Arc;

use axum::{
    RequestPartsExt, Router,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    routing::get,
};
use axum_extra::{
    TypedHeader,
    headers::{Authorization, authorization::Bearer},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

struct Keys {
    set: JwkSet,
    validation: Validation,
}

impl FromRequestParts<Arc<Keys>> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, keys: &Arc<Keys>) -> Result<Self, StatusCode> {
        let TypedHeader(Authorization(bearer)) = parts
            .extract::<TypedHeader<Authorization<Bearer>>>()
            .await
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        keys.user(bearer.token()).ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl Keys {
    fn user(&self, token: &str) -> Option<User> {
        let key = self.set.find(&decode_header(token).ok()?.kid?)?;
        let key = DecodingKey::from_jwk(key).ok()?;
        let token = decode(token, &key, &self.validation).ok()?;
        Some(token.claims)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["https://id.example"]);
    validation.set_audience(&["https://api.example"]);
    let set = serde_json::from_str(&std::fs::read_to_string("jwks.json")?)?;
    let app = Router::new()
        .route("/me", get(me))
        .with_state(Arc::new(Keys { set, validation }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn me(user: User) -> String {
    user.sub
}
