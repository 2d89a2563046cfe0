//! tower-http's `AsyncRequireAuthorization` over jsonwebtoken.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use axum_07::body::Body;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
use tower::Layer;
use tower_http::auth::{AsyncAuthorizeRequest, AsyncRequireAuthorizationLayer};

use super::{Inner, Stack, stack};
use crate::{
    floor::AccessClaims,
    tokens::{AUDIENCE, ISSUER, SECRET, Tokens},
};

/// The inner service behind what an application writes with the two of them.
pub fn tower_http(tokens: &Tokens) -> impl Stack + use<> {
    let auth = Auth(Arc::new((decoding_key(tokens), validation(tokens))));
    stack(AsyncRequireAuthorizationLayer::new(auth).layer(Inner))
}

#[derive(Clone)]
struct Auth(Arc<(DecodingKey, Validation)>);

impl Auth {
    fn check(&self, request: &Request<()>) -> Option<AccessClaims> {
        let (key, validation) = &*self.0;
        let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        let token = header.strip_prefix("Bearer ")?;
        Some(decode(token, key, validation).ok()?.claims)
    }
}

impl AsyncAuthorizeRequest<()> for Auth {
    type RequestBody = ();
    type ResponseBody = Body;
    type Future = Ready<Result<Request<()>, Response<Body>>>;

    fn authorize(&mut self, mut request: Request<()>) -> Self::Future {
        ready(match self.check(&request) {
            Some(claims) => {
                request.extensions_mut().insert(claims);
                Ok(request)
            }
            None => {
                let mut refusal = Response::new(Body::empty());
                *refusal.status_mut() = StatusCode::UNAUTHORIZED;
                Err(refusal)
            }
        })
    }
}

fn decoding_key(tokens: &Tokens) -> DecodingKey {
    let set: JwkSet = serde_json::from_str(&tokens.jwks()).expect("a key set");
    match set.keys.first() {
        Some(key) => DecodingKey::from_jwk(key).expect("a key"),
        None => DecodingKey::from_secret(SECRET.as_bytes()).expect("a key"),
    }
}

fn validation(tokens: &Tokens) -> Validation {
    let algorithm: Algorithm = tokens.algorithm().as_str().parse().expect("an algorithm");
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    validation.leeway = 5;
    validation
}
