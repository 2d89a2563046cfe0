//! [`Introspection`]: access tokens that only the authorization server can read (RFC 7662).
//!
//! Many servers give out access tokens that say nothing to anybody but themselves. An API asks the
//! server about such a token, at its introspection endpoint, and the answer is what the claims of a JWT
//! would be.
//!
//! 1. **What is asked.** Each token that is not remembered, once: requests that come with it at the
//!    same time wait for one answer, also if the request that came first goes away.
//! 2. **Who asks.** This API, by a [`ClientAuthentication`] of its own. An endpoint without TLS is
//!    refused.
//! 3. **Which answers count.** A 200 with a JSON object without duplicate members, whose `active` is
//!    literally `true`. If it names an issuer, that is the configured one, and if it names an audience,
//!    that is this API's. `exp` is required, and `exp` and `nbf` are checked with the verifier's leeway.
//!    An answer that tells of a refresh token or an ID token is refused. A `cnf` counts as that of a JWT:
//!    the layer asks for the proof.
//! 4. **Signed answers** (RFC 9701) are asked for where keys are [given](IntrospectionBuilder::signed_by),
//!    and can be [required](IntrospectionBuilder::require_signed): the type, the issuer, the recipient
//!    and the time have to be right.
//! 5. **What is remembered.** A good answer for at most [30 seconds](IntrospectionBuilder::max_age), and
//!    never beyond the token's expiry: for so long a token is accepted that was revoked. A bad answer for
//!    at most [one second](IntrospectionBuilder::negative_for). Both are bounded, and bad answers take no
//!    room from good ones. The memory has a keyed hash of each token, and no token.
//! 6. **What goes wrong is no verdict.** Whenever the server cannot be reached, answers late, too long,
//!    with another status or something else than an answer, the request gets a 503 and never a 401. So it
//!    is if the server refuses this API's own credentials, which is logged as an error. Whoever wants to
//!    go on with what was known has to [say so](IntrospectionBuilder::stale_if_error).
//! 7. **A flood of unknown tokens** does not become one at the server: no more than
//!    [32](IntrospectionBuilder::max_concurrent) questions are on their way, and
//!    [1000](IntrospectionBuilder::max_waiting) wait. Beyond that, tokens that are not remembered get a
//!    503 at once.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::service_fn;
//! use tower_bearer::{
//!     Verifier,
//!     error::TokenError,
//!     introspection::{ClientAuthentication, Introspection},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Stands for an HTTP client and the server that it reaches.
//! let http = service_fn(async |request: Request<Full<Bytes>>| {
//!     assert!(request.headers()["authorization"].to_str().unwrap().starts_with("Basic "));
//!     let answer = r#"{"active":true,"sub":"anna","exp":4102444800,"aud":"https://api.example"}"#;
//!     Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(answer)))
//! });
//! let introspection = Introspection::new(
//!     "https://id.example/introspect",
//!     ClientAuthentication::basic("api", "a long secret"),
//!     http,
//! );
//! let introspection =
//!     introspection.issuer("https://id.example").audience("https://api.example").build()?;
//! let verifier = Verifier::introspecting(introspection);
//!
//! let token = verifier.authenticate("2YotnFZFEjr1zCsicMWpAA").await?;
//! assert_eq!(token.claims().sub, "anna");
//! // Without waiting, only what is remembered is known.
//! assert!(verifier.verify("2YotnFZFEjr1zCsicMWpAA").is_ok());
//! assert_eq!(verifier.verify("another").unwrap_err(), TokenError::Unavailable);
//! # Ok(())
//! # }
//! ```

use std::{fmt, sync::Arc};

mod answer;
mod asker;
mod authentication;
mod builder;
mod failure;
mod flight;
mod memory;
mod question;
mod shelf;
mod signed;
mod verifier;

pub use authentication::ClientAuthentication;
pub use builder::IntrospectionBuilder;

use asker::Asker;

/// Verifies access tokens by asking the authorization server (RFC 7662). It is cheap to clone; clones
/// share what they remember. See [the policy](self).
///
/// Give it to a [`Verifier`](crate::Verifier): by
/// [`introspecting`](crate::Verifier::introspecting) if the server is to be asked about every token, or
/// by [`opaque_tokens`](crate::Verifier::opaque_tokens) if JWTs are to be verified here.
#[derive(Clone)]
pub struct Introspection(Arc<Asker>);

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
