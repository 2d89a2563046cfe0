//! Tower middleware for short-lived bearer access tokens, and refresh tokens that rotate
//! without logging honest clients out.
//!
//! | you want to … | start at |
//! | --- | --- |
//! | check access tokens on each request | [`bearer::BearerLayer`] with a [`Verifier`] |
//! | tell clients where to get them, as MCP servers do | [`resource::ProtectedResource`] |
//! | take them where a browser opens a WebSocket or server-sent events | [`bearer::BearerLayer::websocket_protocol`], [`ticket::Tickets`] |
//! | issue access tokens | [`Issuer`] with a [`KeySet`] |
//! | have keys that roll over by themselves, on all servers | [`ring::KeyRing`] |
//! | leave the private key in a KMS or an HSM | [`jws::Signer`], and the manual's [signers](https://docs.rs/tower-bearer/latest/tower_bearer/manual/signers/) |
//! | log users in, refresh, log them out | [`session::Sessions`] over a session [`store`] |
//! | serve the OAuth endpoints | [`endpoint`] |
//! | keep refresh tokens in cookies, for browsers | [`cookie::RefreshCookie`] (feature `cookie`) |
//! | bind sessions to a key of the client, so that stolen tokens are worthless | [`dpop::DpopVerifier`] (feature `dpop`) |
//! | bind a browser's session to its device | [`dbsc::DeviceBinding`] (feature `dbsc`) |
//! | accept tokens of an issuer that you do not run | [`remote::RemoteKeys`] (feature `remote`) and a [`TokenProfile`] |
//! | ask the authorization server about tokens that only it can read | [`introspection::Introspection`] (feature `remote`) |
//! | know where a login, a refresh or a request comes from | [`context::RequestContext`], and [`manual::context`] |
//! | take over the users of another program | [`session::Takeover`] |
//! | read the claims in an axum handler | [`Claims`] as an extractor (feature `axum`) |
//! | keep an HTTP client signed in | [`RefreshLayer`] of the crate [`tower-bearer-client`] |
//! | keep sessions in SQLite, PostgreSQL, MySQL or MariaDB | the crate [`tower-bearer-sqlx`] |
//! | keep sessions in Redis or Valkey | the crate [`tower-bearer-redis`] |
//! | keep sessions in MongoDB | the crate [`tower-bearer-mongodb`] |
//! | look up how something is done | the [recipes](https://docs.rs/tower-bearer/latest/tower_bearer/manual/recipes/) |
//! | tell those who come too often to wait | [limits](https://docs.rs/tower-bearer/latest/tower_bearer/manual/limits/) |
//! | see how it runs | feature `metrics`, and [`manual::observability`] |
//! | test your application | [`testing`] (feature `testing`) |
//! | test a session store of your own | the crate [`tower-bearer-conformance`] |
//! | understand how it works and how to run it | the [`manual`] |
//!
//! [`tower-bearer-client`]: https://docs.rs/tower-bearer-client
//! [`RefreshLayer`]: https://docs.rs/tower-bearer-client/latest/tower_bearer_client/struct.RefreshLayer.html
//! [`tower-bearer-conformance`]: https://docs.rs/tower-bearer-conformance
//! [`tower-bearer-mongodb`]: https://docs.rs/tower-bearer-mongodb
//! [`tower-bearer-redis`]: https://docs.rs/tower-bearer-redis
//! [`tower-bearer-sqlx`]: https://docs.rs/tower-bearer-sqlx
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
//! // A scope in a `const` is checked at compile time.
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
//! The full type of `sessions` is `Sessions<St = AnyStore>`. [`session::Sessions::builder`] hides
//! the type of the store in a [`store::AnyStore`], so that handlers and layers name only `Sessions`
//! itself.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `aws-lc-rs` | yes | the cryptography of aws-lc-rs, which is the default where both back ends are on |
//! | `rust-crypto` | | cryptography in pure Rust, by the RustCrypto crates; beside aws-lc-rs, a [`CryptoProvider`](jws::CryptoProvider) chooses |
//! | `session` | yes | the modules [`session`], [`ring`], [`endpoint`] and [`manual`], and keys that are elsewhere ([`jws::Signer`]); turns on `store` |
//! | `store` | yes | the module [`store`]: the contracts of a store of sessions and of one of key rings, a store of both in memory, and one of rings in a file |
//! | `cookie` | | the module [`cookie`]: tokens in cookies, for browsers |
//! | `dbsc` | | the module [`dbsc`]: cookies that are bound to a device; turns on `cookie` and `session` |
//! | `axum` | | extractors, responses, and a router with the endpoints |
//! | `dpop` | | the module [`dpop`]: tokens that are bound to a key of the client (RFC 9449) |
//! | `remote` | | the modules [`remote`], keys that are fetched from an issuer, and [`introspection`], by any HTTP client that is a `tower::Service` |
//! | `http-client` | | such an HTTP client, with TLS (rustls, with aws-lc-rs whatever the back end) and proxies from the environment; turns on `remote` |
//! | `testing` | | the module [`testing`]: what tests of an application need; not for production; turns on `session` |
//! | `tracing` | yes | events: why a request is refused or gets a 503; what happens to sessions |
//! | `metrics` | | [metrics][`manual::observability`] by the crate `metrics`: requests, refreshes, reuse, the store, keys |
//!
//! Tokens and sessions need at least one of the two crypto back ends. A crate that only writes a store needs
//! none: it turns off the default features and turns on `store`.
//!
//! The crate turns on the features `float_roundtrip` and `raw_value` of serde_json, which Cargo then
//! turns on for your whole program. Floats are read exactly, so that those in your claims come out of a token
//! and a store bit for bit; parsing them takes about twice as long. The other features of
//! serde_json make no difference to tokens and sessions.
//!
//! # With axum
//!
//! - [`Claims<P>`](Claims) and [`VerifiedToken`] are extractors on routes behind a
//!   [`BearerLayer`](bearer::BearerLayer). As `Option<…>`, they are `None` if the layer is
//!   [optional](bearer::BearerLayer::optional) and the request has no token.
//! - [`TokenResponse`], [`bearer::Rejection`] and [`session::SessionError`] are responses, and
//!   [`cookie::SetCookies`] is a part of one.
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
#![cfg_attr(
    not(feature = "session"),
    doc = "
[`endpoint`]: https://docs.rs/tower-bearer/latest/tower_bearer/endpoint/
[`jws::Signer`]: https://docs.rs/tower-bearer/latest/tower_bearer/jws/trait.Signer.html
[`manual`]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/
[`manual::context`]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/context/
[`manual::observability`]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/observability/
[`ring`]: https://docs.rs/tower-bearer/latest/tower_bearer/ring/
[`ring::KeyRing`]: https://docs.rs/tower-bearer/latest/tower_bearer/ring/struct.KeyRing.html
[`session`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/
[`session::SessionError`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.SessionError.html
[`session::Sessions`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Sessions.html
[`session::Sessions::builder`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Sessions.html#method.builder
[`session::Takeover`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Takeover.html
"
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "
[`testing`]: https://docs.rs/tower-bearer/latest/tower_bearer/testing/
"
)]
#![cfg_attr(
    not(feature = "store"),
    doc = "
[`store`]: https://docs.rs/tower-bearer/latest/tower_bearer/store/
[`store::AnyStore`]: https://docs.rs/tower-bearer/latest/tower_bearer/store/struct.AnyStore.html
"
)]
#![cfg_attr(
    not(all(feature = "cookie", feature = "_jws")),
    doc = "
[`cookie`]: https://docs.rs/tower-bearer/latest/tower_bearer/cookie/
[`cookie::SetCookies`]: https://docs.rs/tower-bearer/latest/tower_bearer/cookie/struct.SetCookies.html
"
)]
#![cfg_attr(
    not(all(feature = "dpop", feature = "_jws")),
    doc = "
[`dpop`]: https://docs.rs/tower-bearer/latest/tower_bearer/dpop/
[`dpop::DpopVerifier`]: https://docs.rs/tower-bearer/latest/tower_bearer/dpop/struct.DpopVerifier.html
"
)]
#![cfg_attr(
    not(all(feature = "cookie", feature = "session")),
    doc = "
[`cookie::RefreshCookie`]: https://docs.rs/tower-bearer/latest/tower_bearer/cookie/struct.RefreshCookie.html
"
)]
#![cfg_attr(
    not(all(feature = "dbsc", feature = "_jws")),
    doc = "
[`dbsc`]: https://docs.rs/tower-bearer/latest/tower_bearer/dbsc/
[`dbsc::DeviceBinding`]: https://docs.rs/tower-bearer/latest/tower_bearer/dbsc/struct.DeviceBinding.html
"
)]
#![cfg_attr(
    not(all(feature = "remote", feature = "_jws")),
    doc = "
[`introspection`]: https://docs.rs/tower-bearer/latest/tower_bearer/introspection/
[`introspection::Introspection`]: https://docs.rs/tower-bearer/latest/tower_bearer/introspection/struct.Introspection.html
[`remote`]: https://docs.rs/tower-bearer/latest/tower_bearer/remote/
[`remote::RemoteKeys`]: https://docs.rs/tower-bearer/latest/tower_bearer/remote/struct.RemoteKeys.html
"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(
    any(
        feature = "session",
        feature = "dpop",
        feature = "remote",
        feature = "_jws"
    ),
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
#[doc(hidden)]
pub mod challenges;
pub mod claims;
pub mod clock;
#[cfg(feature = "_jws")]
pub mod context;
#[cfg(all(feature = "cookie", feature = "_jws"))]
pub mod cookie;
#[cfg(all(feature = "dbsc", feature = "_jws"))]
pub mod dbsc;
#[cfg(feature = "session")]
mod device_key;
#[cfg(all(feature = "dpop", feature = "_jws"))]
pub mod dpop;
#[cfg(feature = "session")]
pub mod endpoint;
pub mod error;
#[cfg(all(feature = "remote", feature = "_jws"))]
pub mod introspection;
#[cfg(feature = "_jws")]
mod issuer;
#[doc(hidden)]
pub mod json;
#[cfg(feature = "_jws")]
pub mod jws;
#[cfg(any(feature = "session", all(feature = "dpop", feature = "_jws")))]
mod key_proof;
#[cfg(feature = "session")]
pub mod manual;
mod metrics;
#[cfg(feature = "_jws")]
mod paths;
#[cfg(feature = "_jws")]
pub mod profile;
#[cfg(feature = "_jws")]
mod realm;
#[cfg(all(feature = "remote", feature = "_jws"))]
pub mod remote;
mod reply;
#[cfg(feature = "_jws")]
pub mod resource;
#[cfg(feature = "session")]
pub mod ring;
#[cfg(all(any(feature = "dpop", feature = "dbsc"), feature = "_jws"))]
mod seal;
#[cfg(feature = "_jws")]
mod serving;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "_jws")]
pub mod ticket;
mod token;
mod trace;
#[cfg(feature = "_transport")]
#[doc(hidden)]
pub mod transport;
#[cfg(feature = "_jws")]
mod uri;
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
#[cfg(feature = "_jws")]
pub use profile::TokenProfile;
pub use reply::ReplyBody;
pub use token::{AccessToken, CamelCaseTokens, RefreshToken, TokenResponse, TokenType};
#[cfg(feature = "_jws")]
pub use verifier::{CacheLimits, ForeignAccessTokens, IssuerKeys, TrustedIssuer, Verifier};

/// Compiles the examples of the README.
#[cfg(all(doctest, feature = "axum", feature = "cookie", feature = "http-client"))]
#[doc = include_str!("../README.md")]
struct Readme;
