//! Tokens in cookies, for browsers: a refresh token that no script can read and, if the
//! application wants that, the access token too.
//!
//! 1. `RefreshCookie` is `HttpOnly`, `Secure`, `SameSite=Strict`, without `Domain`, and sent to its
//!    `Path` only, the token endpoint. Its name starts with `__Secure-`, or with `__Host-` where
//!    the path is `/` (RFC 6265bis §4.1.3). It lives as long as the token in it.
//! 2. [`CookieOptions`] sets another name, another path, `SameSite=Lax`. The one weakening is
//!    [`insecure_over_http`](CookieOptions::insecure_over_http), for development without TLS.
//! 3. A cookie that would be above 4096 bytes, attributes included, is an error when it is
//!    built: browsers need not keep it (RFC 6265 §6.1).
//! 4. The token endpoint takes the token from the cookie with an empty body or `{}`. The successor
//!    goes back into the cookie, with the same attributes, and only the access token into the
//!    body. A token in the cookie and in the body at once is 400 `invalid_request`; a token in
//!    the body alone is answered as if there were no cookies.
//! 5. A client that holds the live token already gets no refresh cookie, row 5 of the protocol:
//!    its answer may arrive after one with the successor, and would put the old token back.
//! 6. Errors never clear the cookie: they may be about an older token than the browser's. A
//!    logout does: the application's own by `RefreshCookie::clear`, and the revocation
//!    endpoint's where the token came in the cookie.
//! 7. Two cookies of the name, in one `Cookie` header or several, are 400 `invalid_request`: one
//!    of them may have been planted (RFC 6265 §8.6). So is one that cannot be a token, and more
//!    than 64 KiB of cookies.
//! 8. Browsers send cookies whoever makes the request. One that carries ours is refused, 403
//!    `access_denied`, where a page of another origin makes it, before anything is done with the
//!    token. That is decided as [tower-http's csrf layer][csrf] does it: `Sec-Fetch-Site` is
//!    `same-origin` or `none`; or it is absent and `Origin` is absent or names the request's
//!    host; or the origin is an [allowed](CookieOptions::allow_origin) one. GET, HEAD and
//!    OPTIONS pass, which only the layer of 9 ever sees: they must not change anything. One
//!    with `Upgrade` does not, for it opens a WebSocket; nor does one that has `Host`, `Origin`
//!    or `Sec-Fetch-Site` twice.
//! 9. A [`BearerLayer`](crate::bearer::BearerLayer::access_cookie) that was given an
//!    [`AccessCookie`] looks into it where the `Authorization` header has no token, under the
//!    rules 7 and 8. It marks `Cookie` headers sensitive.
//!
//! Proxies must pass `Host`, `Origin` and `Sec-Fetch-Site` on as they are.
//!
//! [csrf]: https://docs.rs/tower-http/0.7/tower_http/csrf/
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "session")] {
//! use http::{Request, StatusCode, header::{COOKIE, SET_COOKIE}};
//! use http_body_util::Empty;
//! use tower::ServiceExt;
//! use tower_bearer::{
//!     Algorithm, Issuer, KeySet, SigningKey,
//!     cookie::{CookieOptions, RefreshCookie},
//!     endpoint::TokenEndpoint,
//!     session::{Grant, RefreshKey, Sessions},
//!     store::MemoryStore,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = [7_u8; 32];
//! let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
//! let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
//! let sessions =
//!     Sessions::builder(issuer, RefreshKey::from_secret(secret)?, MemoryStore::new()).build()?;
//! let cookie = RefreshCookie::new(&sessions, CookieOptions::new("/auth/token"))?;
//! let endpoint = TokenEndpoint::new(sessions.clone()).refresh_cookie(&cookie);
//!
//! // A login sets the cookie …
//! let login = cookie.response(&sessions.start(Grant::new("anna")).await?)?;
//! let set = login.headers()[SET_COOKIE].to_str()?;
//! assert!(set.ends_with("; HttpOnly; Secure; SameSite=Strict"));
//! let (pair, _) = set.split_once(';').ok_or("no attributes")?;
//!
//! // … with which a page of the same origin refreshes …
//! let request = |site| {
//!     let request = Request::post("/auth/token").header(COOKIE, pair);
//!     request.header("sec-fetch-site", site).body(Empty::<bytes::Bytes>::new())
//! };
//! let response = endpoint.clone().oneshot(request("same-origin")?).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert!(response.headers().contains_key(SET_COOKIE));
//!
//! // … and another does not.
//! let response = endpoint.oneshot(request("cross-site")?).await?;
//! assert_eq!(response.status(), StatusCode::FORBIDDEN);
//! assert!(!response.headers().contains_key(SET_COOKIE));
//! # Ok(())
//! # }
//! # main().unwrap();
//! # }
//! ```

// Below `bearer`, which reads the access cookie: nothing in here knows it.
mod access;
mod attributes;
#[cfg(feature = "axum")]
mod axum;
mod find;
mod options;
mod origin;
mod set_cookies;

// Above `session`, and used by the endpoints alone.
#[cfg(feature = "session")]
mod refresh;

pub use access::AccessCookie;
pub use attributes::SameSite;
pub(crate) use find::Found;
pub use options::CookieOptions;
#[cfg(feature = "session")]
pub use refresh::RefreshCookie;
pub use set_cookies::SetCookies;
