//! Tokens in cookies, for browsers: the refresh token, which scripts then cannot read, and
//! optionally the access token.
//!
//! The rules are these:
//!
//! 1. A `RefreshCookie` is `HttpOnly`, `Secure` and `SameSite=Strict`, has no `Domain`, and its
//!    `Path` is `/`. Its name starts with `__Host-`, so that browsers take it from this host only
//!    (RFC 6265bis §4.1.3). It lives as long as the token in it, or
//!    [until the browser is closed](crate::manual::context#cookies-that-end-with-the-browser).
//! 2. [`CookieOptions`] can set another name, [another prefix](#prefixes), `SameSite=Lax`, or a narrower
//!    [`path`](CookieOptions::path), with which the name starts with `__Secure-` and other
//!    subdomains can set the cookie too. Only
//!    [`danger_insecure_over_http`](CookieOptions::danger_insecure_over_http) makes the cookie
//!    insecure, for development without TLS.
//! 3. It is an error to set a cookie above 4096 bytes, attributes included: browsers need not
//!    keep it (RFC 6265 §6.1).
//! 4. The token endpoint takes the token from the cookie if the body is empty or `{}`. The new
//!    refresh token goes into the cookie, with the same attributes, and only the access token
//!    into the body. A request with a token in the cookie and another in the body is answered
//!    with 400 `invalid_request`. A request without the cookie and with a token in the body is
//!    answered as if the endpoint had no cookie. The answer to a request with neither has
//!    `"reason": "no_token"`, and no other answer has it.
//! 5. A client that presents the live refresh token soon after its delivery gets no refresh
//!    cookie (row 5 of the protocol): this response may arrive after one with a newer token,
//!    and would replace it.
//! 6. An error never removes the cookie, since it may be about an older token than the one in
//!    the browser. The cookie is removed when the user logs out: by the application with
//!    `RefreshCookie::clear`, or by the revocation endpoint if the token came in the cookie.
//! 7. Two cookies of the same name, in one `Cookie` header or in several, are answered with 400
//!    `invalid_request`, as an attacker may have planted one of them (RFC 6265 §8.6). So are a
//!    cookie that cannot be a token, and cookies of more than 64 KiB in total.
//! 8. A browser sends the cookie even if a page of another origin makes the request. Such a
//!    request is refused with 403 `access_denied`, before anything is done with the token. The
//!    decision is that of [tower-http's csrf layer][csrf]:
//!    - A request is accepted if its `Sec-Fetch-Site` is `same-origin` or `none`, if it has no
//!      `Sec-Fetch-Site` and its `Origin` is absent or names the request's host, or if its
//!      `Origin` is an [allowed](CookieOptions::allow_origin) one.
//!    - A GET, HEAD or OPTIONS from any origin is accepted too, as it must not change anything.
//!      This concerns only the layer of rule 9, since the endpoints do not accept these methods.
//!    - A GET with an `Upgrade` header is not, because it may open a WebSocket.
//!    - A request that has `Host`, `Origin` or `Sec-Fetch-Site` twice is always refused.
//! 9. A [`BearerLayer`](crate::bearer::BearerLayer::access_cookie) that was given an
//!    [`AccessCookie`] reads the cookie if the `Authorization` header has no token. Rules 7 and 8
//!    apply, and the layer marks `Cookie` headers as sensitive.
//!
//! # Prefixes
//!
//! The start of a cookie's name says what browsers ask of whoever sets it (RFC 6265bis §4.1.3). Tried in
//! Chromium 156, Firefox 153 ESR and the WebKit of WebKitGTK; what others do is not known here:
//!
//! | name | asks for | Chromium, Firefox | WebKitGTK |
//! | --- | --- | --- | --- |
//! | `__Secure-` | `Secure` | yes | yes |
//! | `__Host-` | `Secure`, `Path=/`, no `Domain` | yes | yes |
//! | `__Http-` | `Secure`, `HttpOnly`, set by a server | yes | takes it for any other name |
//! | `__Host-Http-` | all of these | yes | takes it for a `__Host-` name |
//!
//! Chromium binds a cookie of the first three to a device, and no `__Host-Http-` cookie.
//!
//! # Proxies
//!
//! Proxies must pass the headers `Host`, `Origin` and `Sec-Fetch-Site` on unchanged.
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
//!     endpoint::{EndpointOptions, TokenEndpoint},
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
//! let cookie = RefreshCookie::new(&sessions, CookieOptions::new())?;
//! let options = EndpointOptions::new().refresh_cookie(&cookie);
//! let endpoint = TokenEndpoint::new(sessions.clone()).options(options);
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

// `bearer` depends on these modules and not the other way round.
mod access;
mod attributes;
#[cfg(feature = "axum")]
mod axum;
mod find;
mod options;
mod origin;
mod set_cookies;

// This module depends on `session`. Only the endpoints use it.
#[cfg(feature = "session")]
mod refresh;

pub use access::AccessCookie;
pub use attributes::SameSite;
pub(crate) use find::{CrossOrigin, Found};
pub use options::CookieOptions;
#[cfg(feature = "session")]
pub use refresh::RefreshCookie;
pub use set_cookies::SetCookies;
