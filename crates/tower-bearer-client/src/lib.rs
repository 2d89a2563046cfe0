//! The client's side: a layer that keeps an HTTP client signed in (RFC 6749 §6, RFC 6750).
//!
//! A [`ClientSession`] has the tokens and refreshes them; a [`RefreshLayer`] puts them on the
//! requests of any `Service<Request<B>>`: hyper-util's client, a tonic channel, reqwest. It
//! works with every server that speaks RFC 6749, and best with one that redelivers, as this
//! crate's do.
//!
//! What [`RefreshService`] does with a request, in this order:
//!
//! 1. A request to another origin than the configured ones passes as it is: no token, no wait, no
//!    retry. So does one that brings its own `Authorization`, whatever is in it, or a user name
//!    in its URL: those are the caller's credentials.
//! 2. A request whose access token is good goes out at once. Where 80 % of the token's lifetime
//!    are over, less a random tenth, a refresh is started beside it.
//! 3. A request whose access token is dead, or will be within a moment, waits for a refresh. There
//!    is one at a time, however many wait, and it runs on a task of its own: whoever stops
//!    waiting cancels nothing. All get what it came to. Who waits holds no place in the inner
//!    service, so that a limit on it may be shared with the token endpoint's client.
//! 4. The header is marked sensitive, so that what prints or compresses headers further in leaves
//!    it out.
//! 5. A 401 whose challenge says `Bearer` with `invalid_token` is mended: the request is sent once
//!    more with another token. If there is a newer one already, that is taken; otherwise a
//!    refresh is started or joined. Other answers, and what the second try brings, come through.
//! 6. A request whose body cannot be had again ([`Replay`]) is not retried: its 401 comes through,
//!    and the next request has the new token.
//! 7. Refreshes for the reason of a 401 are 10 s apart at least; meanwhile a 401 for a fresh token
//!    comes through. A server that refuses whatever it gets makes nobody refresh in a loop.
//! 8. Where there is no access token to be had, the request is not sent, and fails with
//!    [`RequestError::Token`]. The inner service's errors are [`RequestError::Inner`], unchanged.
//!
//! There is no timer: an idle client asks for nothing. A program that ends soon after its last
//! request calls [`settle`](ClientSession::settle) first. Lifetimes are measured from the moment a
//! token was asked for, by tokio's monotonic clock. The wall clock can make a token older, which
//! tells that the machine has slept, never younger; so a wrong one costs a refresh at most.
//!
//! # What a refresh does
//!
//! 1. It takes the lock of the [`TokenStore`] and looks there first. Tokens that another process
//!    has put there are taken over; no tokens there means that another process has signed out.
//! 2. It presents the refresh token. An exchange that brings no answer is repeated with the *same*
//!    token, three times at most: the server may have rotated, and redelivers.
//! 3. It saves the new tokens, and only then are they used. Where that fails they are used all
//!    the same: they are the only good ones.
//! 4. It never replaces a refresh token by one of the same session and an earlier generation,
//!    where tokens tell, as this crate's do; that comes from whoever was late.
//! 5. Before an `invalid_grant` is believed, it looks into the store once more: whoever was faster
//!    without heeding the lock has the newer token. Only then the session has ended:
//!    [`on_end`](ClientSessionBuilder::on_end) is called, once, and requests fail with
//!    [`ClientErrorKind::Ended`].
//! 6. After any other failure, a panic of the HTTP client included, the session is kept. For a while all who need a token get that
//!    failure at once, for 1 s after the first and up to 60 s after many, half of it random, or
//!    for as long as `Retry-After` asks, 5 minutes at most. As long as the access token lives
//!    nobody notices.
//!
//! # Whatever the token endpoint answers
//!
//! | answer | repeated at once | what those get who need a token |
//! | --- | --- | --- |
//! | 200, JSON, `access_token`, `token_type` Bearer in any case | | the token |
//! | … without `refresh_token`, or an empty one | | the token; the refresh token stays |
//! | … `expires_in` missing, null, zero or less | | the token, for the [default](ClientSessionBuilder::default_lifetime) of 5 minutes |
//! | … `expires_in` in digits in a string, or with a fraction | | the token; the fraction is dropped |
//! | … another `token_type`, a wrong type, a duplicate member, a token that fits no header, an `error`, no JSON | | [`Malformed`](ClientErrorKind::Malformed) |
//! | 200 that is not `application/json`: a login page | | [`ContentType`](ClientErrorKind::ContentType) |
//! | 400 to 499 with `{"error":"invalid_grant"}` | | [`Ended`](ClientErrorKind::Ended), after a look into the store |
//! | 400 to 499 with another `error` | | [`Refused`](ClientErrorKind::Refused), which tells the code |
//! | 408, 429, 5xx, whatever the body says | twice | [`Unavailable`](ClientErrorKind::Unavailable) |
//! | 3xx | | [`Redirected`](ClientErrorKind::Redirected); it is not followed |
//! | any other status | | [`Status`](ClientErrorKind::Status) |
//! | 2xx above [64 KiB](ClientSessionBuilder::answer_limit), which is not read further; of other answers the status counts | | [`TooLarge`](ClientErrorKind::TooLarge) |
//! | no connection, or it breaks off | twice | [`Unreachable`](ClientErrorKind::Unreachable) |
//! | nothing, or not all, within [10 s](ClientSessionBuilder::timeout) | twice | [`Timeout`](ClientErrorKind::Timeout) |
//!
//! # Redirects
//!
//! Put the layer **beneath** what follows redirects, as tower-http's `FollowRedirect`: then each
//! request on the way is looked at by itself, and one that leads elsewhere has no token. A
//! client that follows redirects inside, as reqwest does unless it is told not to, has the
//! header in its own hands; reqwest and `FollowRedirect` drop it when they leave the origin.
//! The client of the token endpoint must not follow redirects at all.
//!
//! # With tonic
//!
//! Make the generated client by its `with_origin`, over a channel behind
//! `RefreshLayer::new(…)?.never_replay()`: made by `new` it names no host in its requests, and
//! the layer cannot see where they go, so that they have no token.
//!
//! A call's body cannot be had again. Where its token is refused it fails with `Unauthenticated`,
//! and the next call has a new one; but the layer sees the HTTP status only, so a server that says
//! so with 200 and a `grpc-status` is not understood. That the session is over is told by the
//! source of tonic's status, a [`RequestError`].
//!
//! # With reqwest
//!
//! reqwest is a service of its own requests; a function makes it one of everybody's:
//!
//! ```
//! use bytes::Bytes;
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_bearer_client::{ClientSession, RefreshLayer};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
//! let http = service_fn(move |request: http::Request<Bytes>| {
//!     let client = client.clone();
//!     async move {
//!         let request = reqwest::Request::try_from(request)?;
//!         client.execute(request).await.map(http::Response::<reqwest::Body>::from)
//!     }
//! });
//! let session = ClientSession::builder("https://id.example/token", http.clone()).build()?;
//! let client = RefreshLayer::new(&session, "https://api.example")?.layer(http);
//! # let _ = client.oneshot(http::Request::new(Bytes::new())).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_bearer_client::{ClientSession, FileTokenStore, NewTokens, RefreshLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # // An HTTP client, and the servers behind it, that take the token `new` only.
//! # let http = tower::service_fn(async |request: Request<Bytes>| {
//! #     let (status, body) = match request.headers().get("authorization") {
//! #         None => (200, r#"{"access_token":"new","token_type":"Bearer","expires_in":600}"#),
//! #         Some(token) if token == "Bearer new" => (200, "hello"),
//! #         Some(_) => (401, ""),
//! #     };
//! #     let response = http::Response::builder().status(status);
//! #     let response = response.header("content-type", "application/json");
//! #     let response = response.header("www-authenticate", r#"Bearer error="invalid_token""#);
//! #     response.body(body.to_owned())
//! # });
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("tokens.json");
//! let session = ClientSession::builder("https://id.example/token", http)
//!     .client_id("my-app")
//!     .store(FileTokenStore::new(path))
//!     .on_end(|reason| println!("please sign in again: {reason}"))
//!     .build()?;
//! let client = ServiceBuilder::new()
//!     .layer(RefreshLayer::new(&session, "https://api.example")?)
//!     .service(http);
//!
//! // With what the login has answered.
//! let login = NewTokens::from_refresh_token("refresh");
//! session.sign_in(login.with_access_token("old", Duration::from_secs(600))).await?;
//!
//! // The API refuses the old token; the request is sent again with a new one …
//! let request = || Request::get("https://api.example/").body(Bytes::new());
//! let response = client.clone().oneshot(request()?).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(session.access_token().await?.expose(), "new");
//!
//! // … and once the session is over, nothing is sent any more.
//! session.logout().await?;
//! let error = client.oneshot(request()?).await.unwrap_err();
//! assert!(error.is_signed_out());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod builder;
mod challenge;
mod core;
mod endpoint;
mod error;
mod flight;
mod future;
mod held;
mod layer;
mod lineage;
mod new_tokens;
mod origin;
mod replay;
mod schedule;
mod service;
mod session;
mod state;
mod store;
mod token_request;
mod trace;

pub use builder::ClientSessionBuilder;
pub use error::{ClientError, ClientErrorKind, EndReason, RequestError};
pub use future::ResponseFuture;
pub use layer::RefreshLayer;
pub use new_tokens::NewTokens;
pub use replay::{CloneBody, NeverReplay, Replay};
pub use service::RefreshService;
pub use session::{ClientSession, Status};
pub use store::{
    FileTokenStore, FileTokenStoreLock, MemoryTokenStore, MemoryTokenStoreLock, SavedTokens,
    TokenStore, TokenStoreError, TokenStoreErrorKind,
};
pub use token_request::{TokenEndpointKind, TokenRequest};
