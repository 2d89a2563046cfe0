//! Tower middleware for short-lived bearer access tokens, and refresh tokens that rotate
//! without logging honest clients out.
//!
//! | you want to … | start at |
//! | --- | --- |
//! | check access tokens on each request | [`bearer::BearerLayer`] with a [`Verifier`] |
//! | issue access tokens | [`Issuer`] with a [`KeySet`] |
//! | log users in, refresh, log them out | `session::Sessions` over a `store` |
//! | serve the OAuth endpoints | `endpoint` |
//! | keep refresh tokens in cookies, for browsers | `cookie::RefreshCookie` (feature `cookie`) |
//! | keep an HTTP client signed in | `client::RefreshLayer` (feature `client`) |
//! | read the claims in an axum handler | [`Claims`] as an extractor (feature `axum`) |
//! | understand how it works and how to run it | the `manual` |
//!
//! # Quick start
//!
//! ```
//! use http::{Request, Response, StatusCode, header::AUTHORIZATION};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_bearer::{
//!     Algorithm, Issuer, KeySet, Scope, SigningKey, VerifiedToken, Verifier,
//!     bearer::BearerLayer,
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
//! // Checked when the program is compiled.
//! const PROFILE: Scope = Scope::from_static("profile");
//!
//! let service = ServiceBuilder::new()
//!     .layer(BearerLayer::new(verifier).sessions(&sessions).require_scope(PROFILE))
//!     .service(service_fn(async |request: Request<String>| {
//!         let token = request.extensions().get::<VerifiedToken>();
//!         let user = token.map(|token| token.claims().sub.clone());
//!         Ok::<_, std::convert::Infallible>(Response::new(user.unwrap_or_default()))
//!     }));
//!
//! let grant = Grant::new("anna").scope(Scope::from_static("profile"));
//! let tokens = sessions.start(grant).await?;
//! let request = Request::get("/me")
//!     .header(AUTHORIZATION, format!("Bearer {}", tokens.access_token.expose()))
//!     .body(String::new())?;
//! assert_eq!(service.oneshot(request).await?.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `aws-lc-rs` | yes | signatures by aws-lc-rs; used where both back ends are on |
//! | `rust-crypto` | | signatures in pure Rust. One back end is needed |
//! | `session` | yes | `session`, `store`, `endpoint`, `manual` |
//! | `sqlite` | | the SQLite store |
//! | `postgres` | | the PostgreSQL store |
//! | `redis` | | the Redis store |
//! | `conformance` | | the contract of a session store as a test suite |
//! | `client` | | `client`: a layer that keeps HTTP clients signed in |
//! | `cookie` | | `cookie`: tokens in cookies, for browsers |
//! | `axum` | | extractors, responses, a router with the endpoints |
//! | `tracing` | yes | why requests are refused and answered with 503; what happens to sessions |
//!
//! The crate turns on serde_json's `float_roundtrip`, for your whole program as Cargo does it: floats
//! are read exactly, so that those in your claims come out of a token and a store bit for bit, and
//! parsing them takes about twice as long. Which other features of serde_json your program has on makes
//! no difference to tokens and sessions.
//!
//! # With axum
//!
//! - [`Claims<P>`](Claims) and [`VerifiedToken`] are extractors on routes behind a
//!   [`BearerLayer`](bearer::BearerLayer). As `Option<…>`, they are `None` where an
//!   [optional](bearer::BearerLayer::optional) layer saw no token.
//! - [`TokenResponse`], [`bearer::Rejection`] and `session::SessionError` are responses, and
//!   `cookie::SetCookies` a part of one.
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # mod app {
//! use axum::{Router, routing::get};
//! use tower_bearer::{Claims, Verifier, bearer::BearerLayer};
//!
//! #[derive(serde::Deserialize)]
//! struct MyClaims {
//!     role: String,
//! }
//!
//! async fn me(claims: Claims<MyClaims>) -> String {
//!     format!("{} is {}", claims.sub, claims.private.role)
//! }
//!
//! async fn greet(claims: Option<Claims>) -> String {
//!     format!("hello {}", claims.map_or("stranger".into(), |claims| claims.sub))
//! }
//!
//! fn app(verifier: Verifier) -> Router {
//!     let layer = BearerLayer::new(verifier);
//!     Router::new()
//!         .route("/me", get(me).layer(layer.clone()))
//!         .route("/", get(greet).layer(layer.optional()))
//! }
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(
    any(feature = "session", feature = "_jws"),
    not(any(feature = "aws-lc-rs", feature = "rust-crypto"))
))]
compile_error!(
    "tower-bearer needs a crypto back end: enable its feature `aws-lc-rs` (on by default) or `rust-crypto`"
);

#[cfg(all(feature = "axum", feature = "_jws"))]
mod axum;
#[cfg(feature = "_jws")]
pub mod bearer;
#[cfg(feature = "_jws")]
mod body;
pub mod claims;
pub mod clock;
#[cfg(all(feature = "cookie", feature = "_jws"))]
pub mod cookie;
#[cfg(feature = "session")]
pub mod endpoint;
pub mod error;
#[cfg(feature = "_jws")]
mod issuer;
#[doc(hidden)]
pub mod json;
#[cfg(feature = "_jws")]
pub mod jws;
#[cfg(feature = "session")]
pub mod manual;
#[cfg(feature = "_jws")]
mod realm;
mod reply;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "store")]
pub mod store;
mod token;
mod trace;
#[cfg(feature = "_jws")]
mod verifier;

#[cfg(all(feature = "axum", feature = "_jws"))]
pub use self::axum::ClaimsRejection;
#[cfg(feature = "_jws")]
pub use body::Body;
#[cfg(feature = "_jws")]
pub use claims::VerifiedToken;
pub use claims::{Audience, Claims, Scope, SessionId};
#[cfg(feature = "_jws")]
pub use issuer::Issuer;
#[cfg(feature = "_jws")]
pub use jws::{Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys};
pub use reply::ReplyBody;
pub use token::{AccessToken, RefreshToken, TokenResponse};
#[cfg(feature = "_jws")]
pub use verifier::{CacheLimits, Verifier};

/// What the README shows has to compile.
#[cfg(all(doctest, feature = "axum", feature = "cookie"))]
#[doc = include_str!("../README.md")]
struct Readme;
