//! Keys that are fetched from an issuer, and kept up to date: [`RemoteKeys`].
//!
//! 1. The keys are at an address, or [discovered](RemoteKeys::discover) by the issuer's metadata. It
//!    is looked for at `ISSUER/.well-known/openid-configuration`, at the place of RFC 8414, and at
//!    `ISSUER/.well-known/oauth-authorization-server`, and must name the issuer byte for byte.
//!    Nothing that a token says is ever fetched.
//! 2. One task fetches, and there is one fetch at a time. The first comes at once, and the next before
//!    the keys are stale, as `Cache-Control`, `Expires` and `Age` say (RFC 9111), within 5 minutes
//!    and a day; by default after about an hour. An unchanged set costs a 304.
//! 3. A token with an unknown key brings the next fetch forward, at most once in 30 seconds however
//!    many tokens ask, and its request waits up to 2 seconds. If it was issued before the last
//!    successful fetch began, the issuer has no such key, and it is refused with a 401 at once.
//!    While the answer is not known, the request gets a 503 with `Retry-After`, and never a 401: an
//!    honest client would throw a good token away.
//! 4. Whatever goes wrong, the keys that were fetched before are kept, for a [`Stale`] time. The fetch
//!    is tried again after a pause that doubles from a second to a minute. As long as there are no
//!    keys, requests get a 503.
//! 5. Addresses are `https`, unless `danger_allow_plain_http` says otherwise. Redirects are followed within
//!    the origin, at most 3. A fetch takes at most 10 seconds, an answer has at most 1 MiB, a set at
//!    most 1000 keys.
//! 6. One odd key does not spoil a set: it is skipped, which the log and the
//!    [status](RemoteKeys::status) tell. A set without a key that can be used counts as a failure.
//! 7. Each failure is a [`RemoteKeysError`] with a kind, in the log and in the status.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use tower::service_fn;
//! use tower_bearer::{
//!     Algorithm, KeySet, SigningKey, Verifier,
//!     remote::{RemoteKeys, RemoteKeysErrorKind},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // An HTTP client is any Tower service that sends requests. This one answers them itself.
//! let published = KeySet::new(SigningKey::generate(Algorithm::ES256)?).verifying().jwks();
//! let http = service_fn(move |request: Request<Bytes>| {
//!     let answer = match request.uri().path() {
//!         "/keys" => Response::new(published.clone()),
//!         _ => {
//!             let mut answer = Response::new(String::new());
//!             *answer.status_mut() = StatusCode::NOT_FOUND;
//!             answer
//!         }
//!     };
//!     std::future::ready(Ok::<_, std::convert::Infallible>(answer))
//! });
//!
//! let keys = RemoteKeys::at("https://id.example/keys", http.clone()).fetch().await?;
//! assert_eq!(keys.status().keys(), 1);
//! let verifier = Verifier::new("https://id.example", "https://api.example", keys)?;
//!
//! let nothing = RemoteKeys::discover("https://id.example", http).fetch().await;
//! assert_eq!(nothing.unwrap_err().kind(), RemoteKeysErrorKind::Status);
//! # let _ = verifier;
//! # Ok(())
//! # }
//! ```

mod builder;
#[cfg(feature = "http-client")]
mod client;
mod discovery;
mod error;
mod fetch;
mod freshness;
mod keys;
#[cfg(feature = "http-client")]
mod proxy;
mod removed;
mod schedule;
mod set;
mod status;
mod task;

pub use builder::{RemoteKeysBuilder, Stale};
#[cfg(feature = "http-client")]
pub use client::{HttpBody, HttpClient, HttpFuture};
pub use error::{RemoteKeysError, RemoteKeysErrorKind};
pub use keys::RemoteKeys;
pub use status::RemoteKeysStatus;
