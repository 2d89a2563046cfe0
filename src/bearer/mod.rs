//! The middleware: a request with a good access token gets in, another does not (RFC 6750).
//!
//! What [`Bearer`] does with a request, in this order:
//!
//! 1. The `Authorization` header is marked sensitive, so that what prints or compresses headers
//!    further in leaves it out. So are `Cookie` headers, with `access_cookie`.
//! 2. The token is read from the `Authorization` header and from nowhere else: `Bearer`, in any
//!    case, one or more spaces, one `b64token`. The query string is never read. With
//!    `access_cookie` (feature `cookie`), and only where the header has no token, it is read from
//!    that cookie; but where a page of another origin makes the request, and the method is none
//!    of GET, HEAD and OPTIONS or there is an `Upgrade`: 403 `access_denied`.
//! 3. No header, another scheme or a bare `Bearer` is **no token**: 401 with a challenge that has
//!    no error code. With [`optional`](BearerLayer::optional) the request passes without claims
//!    instead, unless a scope is required.
//! 4. Two headers or two such cookies, what is no `b64token`, and what is over the verifier's
//!    size limit are **malformed**: 400 `invalid_request`.
//! 5. The [`Verifier`](crate::Verifier) checks the token; a bad one is 401 `invalid_token`,
//!    optional or not. The description tells an expired token, which a client mends by a
//!    refresh, from all others, and nothing more.
//! 6. With [`sessions`](BearerLayer::sessions), the guard sees each verified token. If it
//!    knows that the session has ended: 401 `invalid_token`.
//! 7. With [`check_live`](BearerLayer::check_live), the guard is asked for the session of each
//!    token that has a `sid`. It does not run: 401 `invalid_token`. It cannot be told: 503 with
//!    `Retry-After`, never a 401, for that would make clients throw their tokens away.
//! 8. The scopes of [`require_scope`](BearerLayer::require_scope) and
//!    [`require_any_scope`](BearerLayer::require_any_scope) are looked for. One is missing: 403
//!    `insufficient_scope`, and the challenge names what was asked for.
//! 9. The request goes to the inner service, with a [`VerifiedToken`](crate::VerifiedToken) in
//!    its extensions. One that was there before is replaced, or removed where there is no token.
//!
//! A refused request never reaches the inner service, and an error of the inner service is
//! passed on as it is: a rejection is a response, not an error. Its body is JSON
//! `{"error","error_description"}`, or the application's own by
//! [`on_rejection`](BearerLayer::on_rejection).
//!
//! No future is boxed, but for the live check's. It is the reason why the inner service must be
//! `Clone`, and only it clones: the instance that was polled ready waits with the request and is
//! the one that is called.
//!
//! Endpoints that hand tokens out stand before the layer, for who asks them has no token yet: by a
//! router, or as a layer around this one, which `endpoint::Endpoints` is.
//!
//! # Example
//!
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use http::{Request, Response, StatusCode, header};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_bearer::{
//!     Algorithm, Issuer, KeySet, SigningKey, VerifiedToken, Verifier,
//!     bearer::BearerLayer,
//!     clock::{Clock, SystemClock},
//! };
//!
//! async fn hello(request: Request<String>) -> Result<Response<String>, Infallible> {
//!     let token = request.extensions().get::<VerifiedToken>();
//!     let name = token.map_or("nobody", |token| &token.claims().sub);
//!     Ok(Response::new(format!("hello {name}")))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
//! let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
//! let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
//!
//! let service = ServiceBuilder::new()
//!     .layer(BearerLayer::new(verifier))
//!     .service(service_fn(hello));
//!
//! // A good token gets in …
//! let claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
//! let token = issuer.sign(&claims)?;
//! let request = Request::get("/")
//!     .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
//!     .body(String::new())?;
//! let response = service.clone().oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//!
//! // … and no token does not.
//! let request = Request::get("/").body(String::new())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(response.headers()[header::WWW_AUTHENTICATE], r#"Bearer realm="api""#);
//! # Ok(())
//! # }
//! ```

mod challenge;
mod cookie;
mod credentials;
mod extension;
mod future;
mod guard;
mod layer;
mod rules;
mod scope;
mod service;

pub use crate::realm::Realm;
pub use challenge::Rejection;
pub use future::ResponseFuture;
pub use guard::{Admission, SessionGuard, Unavailable};
pub use layer::BearerLayer;
#[cfg(feature = "axum")]
pub(crate) use rules::Checked;
pub use service::Bearer;
