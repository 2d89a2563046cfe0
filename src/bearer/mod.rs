//! The middleware that lets only requests with a valid access token through (RFC 6750).
//!
//! [`BearerLayer`] wraps a service in [`Bearer`], which handles each request in these steps:
//!
//! 1. The `Authorization` header is marked sensitive, so that inner services do not print or
//!    compress it. With `access_cookie`, `Cookie` headers are marked too.
//! 2. The token is read from the `Authorization` header: `Bearer`, in any case, one or more
//!    spaces and one `b64token`. No token is read from the query string. With `access_cookie` (feature
//!    `cookie`), the token is read from that cookie if the header has none. In that case, a
//!    request from a page of another origin is answered with 403 `access_denied`, unless its
//!    method is GET, HEAD or OPTIONS and it has no `Upgrade` header. With `dpop` (feature `dpop`),
//!    the scheme `DPoP` is read like `Bearer`. With [`websocket_protocol`](BearerLayer::websocket_protocol),
//!    the handshake of a WebSocket may have it in `Sec-WebSocket-Protocol`, and with
//!    [`tickets`](BearerLayer::tickets) a GET may have a [ticket](crate::ticket) instead. Both are removed from
//!    the request, and count before a cookie. A token by two of the other ways is a 400 `invalid_request`
//!    (RFC 6750 §2).
//! 3. A request without the header, with another scheme or with `Bearer` alone has **no token**:
//!    the answer is 401, and its challenge has no error code. With
//!    [`optional`](BearerLayer::optional) the request passes without claims instead, unless a
//!    scope is required.
//! 4. A request with two headers, with two of these cookies, with a token that is not a
//!    `b64token` or with one above the verifier's size limit is **malformed**: the answer is 400
//!    `invalid_request`.
//! 5. The [`Verifier`](crate::Verifier) checks the token. If it is invalid, the answer is 401
//!    `invalid_token`, even with `optional`. The description tells an expired token, which the
//!    client can refresh, from all other invalid ones, and gives no further detail. A request may
//!    have to wait, if the key of its token is being fetched or another server is asked about the
//!    token. If it cannot be told in time whether the token is good, the answer is 503
//!    `temporarily_unavailable` with `Retry-After`, and never 401. It says a second, or
//!    [up to five while many are refused](crate::error::ErrorCode::TemporarilyUnavailable). All that follows is
//!    the same for a request that has waited.
//! 6. A token that is bound to a key (its claim `cnf`) needs a proof that the sender holds the key. With
//!    `dpop`, the scheme is `DPoP` and the proof is checked as the module `dpop` says (RFC 9449 §7). If it
//!    is missing or refused, the answer is 401 `invalid_dpop_proof` or `use_dpop_nonce`. A bound token that
//!    comes without the scheme is a 401 `invalid_token`, with and without `dpop`. So is one whose `cnf` names
//!    more than the key of the proof, such as a certificate (RFC 8705), and a token that is not bound, if it comes by the scheme `DPoP` or if its client has to bind its tokens.
//!    By a ticket, a bound token passes if the request for the ticket has had the proof.
//! 7. With [`sessions`](BearerLayer::sessions), the guard sees each verified token. If it knows
//!    that the token's session was ended, or that the user's access tokens of that time were
//!    [expired](Admission::Outdated), the answer is 401 `invalid_token`. A token of another
//!    issuer than the guard's is [left alone](Admission::OfAnotherIssuer), also in step 8: its `sid`
//!    is no session of the guard. If the guard cannot tell, the answer is 503 with `Retry-After`.
//! 8. With [`check_live`](BearerLayer::check_live), or if the guard is
//!    [not sure](Admission::IfLive), the guard is asked about the session of each
//!    token that has a `sid`. If the session is not live, the answer is 401 `invalid_token`. If
//!    the guard cannot tell, the answer is 503 with `Retry-After`: a 401 would make the client
//!    discard its tokens.
//! 9. With [`require_no_actor`](BearerLayer::require_no_actor), nobody may act for the user: a token with the
//!    claim `act` (RFC 8693) is a 403 `access_denied`.
//! 10. The token must have the scopes of [`require_scope`](BearerLayer::require_scope) and
//!     [`require_any_scope`](BearerLayer::require_any_scope). If one is missing, the answer is 403
//!     `insufficient_scope`, and the challenge names the scope that was required.
//! 11. The user must have authenticated in one of the ways of [`require_acr`](BearerLayer::require_acr),
//!     and as recently as [`require_max_age`](BearerLayer::require_max_age) says. If not, the answer is
//!     401 `insufficient_user_authentication`, and the challenge names both requirements (RFC 9470).
//!     Where somebody acts for a user who has not authenticated (the token has `act`, and 1970 as its
//!     `auth_time`), the answer is that of step 9, as no login would help.
//! 12. With [`assess_risk`](BearerLayer::assess_risk), the application looks at the token and the request. It may
//!     admit it, ask for another authentication as in step 11, or refuse it with 403 `access_denied`.
//! 13. The request goes to the inner service with a [`VerifiedToken`](crate::VerifiedToken) in its
//!     extensions. A `VerifiedToken` that was there before is replaced, or removed if the request
//!     has no token.
//!
//! A refused request never reaches the inner service. A rejection is a response and not an error;
//! errors of the inner service are passed on unchanged. The body of a rejection is JSON with
//! `error` and `error_description`, or the application's own by
//! [`on_rejection`](BearerLayer::on_rejection). With [`resource`](BearerLayer::resource), each challenge
//! names the address of the resource's metadata, and that of a 401 also the scope to ask for. A gRPC request is refused with a
//! `grpc-status` and no body beside the HTTP status ([the manual](crate::manual::grpc) has the
//! table). With `dpop`, the challenge names the scheme `DPoP` too, in a header line of its own, or alone if
//! all clients have to use it.
//!
//! The inner service must be `Clone`, but it is cloned only for a request that has to wait, for a
//! key, an introspection or the live check: the instance that was polled ready waits with the
//! request and is called afterwards. Only those requests box a future.
//!
//! A client that asks for its first tokens has none yet, so the endpoints that give tokens out
//! must not be behind this layer. Put them on routes without the layer, or use
//! `endpoint::Endpoints` as a layer around this one.
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

mod acr;
mod authenticate;
mod challenge;
mod cookie;
mod credentials;
mod dpop;
mod extension;
mod future;
mod grpc;
mod guard;
mod handed;
mod layer;
mod meter;
mod params;
mod protocol;
mod risk;
mod roles;
mod rules;
mod schemes;
mod scope;
mod service;
mod step_up;

pub use crate::realm::Realm;
pub use acr::AcrValues;
pub use challenge::Rejection;
pub use future::ResponseFuture;
pub use guard::{Admission, SessionGuard, Unavailable};
pub use layer::BearerLayer;
pub use params::ChallengeParameters;
pub use protocol::TokenProtocol;
pub use roles::Roles;
pub use service::Bearer;
#[cfg(feature = "axum")]
pub(crate) use {rules::Checked, schemes::Schemes};
