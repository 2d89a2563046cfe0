//! The OAuth endpoints as Tower services over any request body.
//!
//! 1. [`TokenEndpoint`] exchanges a refresh token for new tokens (RFC 6749 §6).
//! 2. [`RevocationEndpoint`] revokes a token, which ends its session (RFC 7009).
//! 3. [`IntrospectionEndpoint`] tells resource servers and clients whether a token is live (RFC 7662).
//! 4. [`JwksEndpoint`] publishes the keys that verify access tokens (RFC 7517).
//! 5. [`Endpoints`] is a layer with all of these and the metadata (RFC 8414), each at its path. It
//!    passes all other requests on to the inner service.
//!
//! An endpoint never returns an `Err`: every error is a response. The text of an error tells
//! nothing about the token. A body is read only if its content type is accepted, and only up to a
//! limit of size and of time ([`EndpointOptions`]). Responses of the token, revocation and introspection
//! endpoints must not be cached, and say so.
//!
//! # Errors
//!
//! The body of an error is JSON with `error` and `error_description` (RFC 6749 §5.2).
//!
//! | what is wrong | status | `error` |
//! | --- | --- | --- |
//! | the refresh token is refused, for whatever reason | 400 | `invalid_grant` |
//! | the proof of a key is missing or refused (feature `dpop`) | 400 | `invalid_dpop_proof` |
//! | the proof needs the nonce in the header `DPoP-Nonce` of the answer | 400 | `use_dpop_nonce` |
//! | the scope is malformed or was not granted | 400 | `invalid_scope` |
//! | the resource is malformed or was not granted (RFC 8707) | 400 | `invalid_target` |
//! | the request is malformed, or has no token | 400 | `invalid_request` |
//! | another grant type | 400 | `unsupported_grant_type` |
//! | the client does not authenticate as it should | 401 | `invalid_client` |
//! | the resource server's bearer token is refused, at the introspection endpoint | 401 | `invalid_token` |
//! | the cookie comes with a request of another origin | 403 | `access_denied` |
//! | only the browser can refresh the session, which is bound to its device | 403 | `access_denied`, with `"reason": "device_bound"` |
//! | another method, a body that is too large, another content type | 405, 413, 415 | `invalid_request` |
//! | the body breaks off or takes too long | 408 | `temporarily_unavailable` |
//! | the server has a fault, such as a key that cannot sign | 500 | `server_error` |
//! | the store or a check of the application does not answer | 503 | `temporarily_unavailable` |
//!
//! A 503 says in `Retry-After` when to come again: after a second, or after
//! [up to two minutes](crate::error::ErrorCode::TemporarilyUnavailable) while many are refused.
//!
//! The answer to a refresh or a revocation without a token also has the member
//! `"reason": "no_token"`, and no other answer has that one. A page that keeps its token in a cookie,
//! which it cannot see, learns by this that there is none and that somebody has to log in. Only this and `invalid_grant` tell that a session is
//! over.
//!
//! # Example
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_bearer::{
//!     Algorithm, Issuer, KeySet, SigningKey, Verifier,
//!     bearer::BearerLayer,
//!     endpoint::Endpoints,
//!     session::{Grant, RefreshKey, Sessions},
//!     store::MemoryStore,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = [7_u8; 32];
//! let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
//! let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
//! let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
//! let sessions =
//!     Sessions::builder(issuer, RefreshKey::from_secret(secret)?, MemoryStore::new()).build()?;
//!
//! let service = ServiceBuilder::new()
//!     .layer(Endpoints::new(&sessions).under("/auth"))
//!     .layer(BearerLayer::new(verifier).sessions(&sessions))
//!     .service(service_fn(async |_: Request<Full<Bytes>>| {
//!         Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
//!     }));
//!
//! // The token endpoint needs no access token …
//! let tokens = sessions.start(Grant::new("anna")).await?;
//! let refresh = tokens.refresh_token.expose();
//! let form = format!("grant_type=refresh_token&refresh_token={refresh}");
//! let request = Request::post("/auth/token")
//!     .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
//!     .body(Full::from(form))?;
//! let response = service.clone().oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//!
//! // … and all else does.
//! let response = service.oneshot(Request::get("/me").body(Full::default())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```

mod authenticate;
mod body;
mod carrier;
mod client;
#[cfg(feature = "cookie")]
mod cookie;
mod dpop;
mod endpoints;
mod error_reply;
mod introspection;
mod introspection_answer;
mod introspector;
mod jwks;
mod layer;
mod metadata;
mod options;
mod params;
mod revocation;
#[cfg(feature = "axum")]
mod router;
mod service;
mod session_endpoint;
mod token;

pub use crate::{reply::ResponseFuture, serving::LayeredFuture};
pub use authenticate::IntoClientDecision;
pub use client::ClientSecret;
pub use endpoints::Endpoints;
pub use introspection::IntrospectionEndpoint;
pub use jwks::JwksEndpoint;
pub use options::EndpointOptions;
pub use revocation::RevocationEndpoint;
pub use service::WithEndpoints;
pub use token::TokenEndpoint;
