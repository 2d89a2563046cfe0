//! A Tower layer that keeps an HTTP client signed in with OAuth 2.0 tokens (RFC 6749, RFC 6750).
//!
//! An API asks for an access token with each request. Access tokens live for some minutes, and a
//! client gets the next one from a token endpoint, in exchange for its refresh token. On many
//! servers the refresh token is replaced at the same time, and one that is used twice ends the
//! session. This crate does the exchange once for all requests that wait, survives lost answers,
//! and lets several processes share one session.
//!
//! - A [`ClientSession`] holds the tokens and refreshes them. It keeps them in a [`TokenStore`]: in
//!   memory ([`MemoryTokenStore`]), in a file that several processes can share
//!   ([`FileTokenStore`]), or in a store of your own.
//! - A [`RefreshLayer`] puts the access token on the requests that go to your API. It goes around
//!   any [`Service`] of [`http::Request`]s, such as hyper-util's client, a tonic channel or reqwest,
//!   and makes a [`Refresh`] of it.
//!
//! The crate works with every server that follows RFC 6749. Servers made with
//! [`tower-bearer`](tower_bearer) deliver the answer to a refresh again if it was lost on its way,
//! so with them a broken connection does not end a session, as long as no more than three of any
//! twenty refreshes in a row lose their answer and are repeated more than ten seconds later.
//! These are the servers' defaults, and a session that is bound to a key has no such limit
//! ([what holds](https://docs.rs/tower-bearer/latest/tower_bearer/manual/protocol/index.html#what-holds)).
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
//!     .on_save_failed(|error| println!("the tokens cannot be saved: {error:?}"))
//!     .build()?;
//! let client = ServiceBuilder::new()
//!     .layer(RefreshLayer::new(&session, "https://api.example".parse()?))
//!     .service(http);
//!
//! // With the tokens that the login has brought.
//! let login = NewTokens::from_refresh_token("refresh");
//! session.sign_in(login.with_access_token("old", Duration::from_secs(600))).await?;
//!
//! // The API refuses the old token, so the request is sent again with a new one …
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
//!
//! # What happens to a request
//!
//! [`Refresh`] does this, in this order:
//!
//! 1. A request that goes to none of the configured [`Origin`]s is passed on as it is: it gets no
//!    token, waits for nothing and is not sent twice. The same holds for a request that has an
//!    `Authorization` header already, whatever its value, or a user name in its URL, because those
//!    are credentials of the caller's own.
//! 2. If the access token is good, the request goes out at once. If 80 % of the token's lifetime
//!    are over, less a random tenth, a refresh is started in the background as well
//!    ([`refresh_after`](ClientSessionBuilder::refresh_after)).
//! 3. If the access token has expired, or is about to (within 5 s, or a tenth of its lifetime if
//!    that is less), the request waits for a refresh. There is one refresh at a time, however many
//!    requests wait, and all of them get its result. It runs on a task of its own, so a caller that
//!    stops waiting does not cancel it. A request that waits takes no capacity of the inner service,
//!    so a concurrency limit may be shared with the client of the token endpoint.
//! 4. The header is marked as sensitive, so that layers further in which print or compress headers
//!    leave it out.
//! 5. A token that is bound to a key goes out with a proof of the key, see
//!    [below](#sessions-that-are-bound-to-a-key). If the answer refuses the token, the request is sent
//!    once more with another token. If there is
//!    a newer token by then, it is used. Otherwise a refresh is started, or the one that is under way
//!    is waited for. Until it is over, other requests wait for it too. Any other answer, and whatever
//!    the second attempt brings, is returned to the caller. An answer refuses the token if it is a
//!    401, or speaks gRPC and has `grpc-status: 16`, and if it also has a `Bearer` challenge that says
//!    `invalid_token`.
//! 6. A request whose body cannot be copied ([`Replay`]) is not sent again. The caller gets the
//!    refusal, and the next request has the new token. The same holds if a gRPC answer refuses the
//!    token in its trailers, because its messages have reached the caller by then.
//! 7. There are at least 10 s between two refreshes that are caused by a refusal. Within that time, a
//!    refusal of a token that was just refreshed is returned to the caller. So a server that refuses
//!    every token does not cause refreshes in a loop.
//! 8. If no access token can be had, the request is not sent and fails with
//!    [`RequestError::Token`]. Errors of the inner service are returned unchanged, as
//!    [`RequestError::Inner`].
//!
//! There is no timer: an idle client does nothing. A program that ends soon after its last request, even
//! if it has sent only one, calls [`settle`](ClientSession::settle) first: that request may have started
//! a refresh. One that only wants to know whether somebody is signed in calls [`load`](ClientSession::load).
//!
//! Lifetimes are measured from the moment at which a token was asked for, by the monotonic clock of
//! tokio. If the wall clock shows that more time has passed, the machine has slept, and the wall
//! clock counts. So a wrong wall clock costs at most one refresh too many.
//!
//! # What a refresh does
//!
//! 1. It takes the lock of the [`TokenStore`] and looks into the store. If another process has put
//!    newer tokens there, they are used. If there are none any more, another process has signed out.
//! 2. It has the store [prepare](TokenStore::prepare) to save what will come. The server uses the old
//!    refresh token up, so if the new one could not be kept, nothing is presented: the hook
//!    [`on_save_failed`](ClientSessionBuilder::on_save_failed) is called, and requests that need a
//!    token fail with [`ClientErrorKind::Store`].
//! 3. It presents the refresh token to the token endpoint. If no answer comes, it presents the *same*
//!    token again, three times in all, because the server may have replaced the token and will then
//!    deliver the new one again. It waits before each repetition, at least as long as `Retry-After` asks; if
//!    that is more than 5 s, it repeats nothing, and the refresh has failed. After a failed refresh the next
//!    ones present it once each.
//! 4. It saves the new tokens before it uses them. If that fails after all, they are used all the
//!    same, because no others are good, and the hook is called. The next requests,
//!    [`settle`](ClientSession::settle) and the drop of the last clone try again to save them. Until
//!    then nothing more is presented, [`SessionStatus::unsaved`] is set, and the lock of the store is
//!    kept, so that no other process presents the old token.
//! 5. If nothing of the answer but its refresh token can be used, that one is saved. What is wrong with
//!    the answer is the error that the requests get.
//! 6. It never replaces a refresh token by an older one of the same session. Which one is older can
//!    be seen from the tokens of `tower-bearer`, but not from those of other servers.
//! 7. If the server answers with `invalid_grant`, or with what
//!    [`ends_session_when`](ClientSessionBuilder::ends_session_when) says, the refresh looks into the
//!    store again. If another process has refreshed without taking the lock, newer tokens are there,
//!    and the refresh goes on with them. Otherwise the session has ended: the hook
//!    [`on_end`](ClientSessionBuilder::on_end) is called once, and requests fail with
//!    [`ClientErrorKind::Ended`].
//! 8. After any other failure the session is kept, even if the HTTP client panicked. For a while all
//!    requests that need a token fail at once with the same error: for 1 s after the first failure,
//!    up to 60 s after many, less a random part of up to a half. What the server's `Retry-After` asks, 5
//!    minutes at most, is waited out in any case, and then a random part of up to a half of the longer of
//!    both. While the access token is still good, requests go on.
//!
//! # What each answer of the token endpoint means
//!
//! | answer | sent again at once | what requests that need a token get |
//! | --- | --- | --- |
//! | 200, JSON, `access_token`, `token_type` `Bearer` in any case | | the token |
//! | … `refresh_token` missing or empty | | the token; the refresh token stays as it was |
//! | … `expires_in` a string of digits, or with a fraction | | the token; the fraction is dropped |
//! | … `expires_in` missing, below 1 or anything else | | the token, for the [default lifetime](ClientSessionBuilder::default_lifetime) of 5 minutes |
//! | … `scope` missing or anything but a scope | | the token; the scope stays as it was |
//! | … no `token_type` | | [`Malformed`](ClientErrorKind::Malformed), unless that is [accepted](ClientSessionBuilder::danger_accept_missing_token_type) |
//! | … `token_type` `DPoP` in any case, if the session is bound to a key | | the token |
//! | … `token_type` `Bearer`, if the session is bound to a key | | [`Malformed`](ClientErrorKind::Malformed), unless that is accepted |
//! | … another `token_type`; a token or the type that is no string or comes twice; a token that does not fit a header; an `error`; no JSON | | [`Malformed`](ClientErrorKind::Malformed) |
//! | 200 with another content type than `application/json` | | [`ContentType`](ClientErrorKind::ContentType) |
//! | 400 to 499 with `{"error":"invalid_grant"}`, or as [`ends_session_when`](ClientSessionBuilder::ends_session_when) says | | [`Ended`](ClientErrorKind::Ended), after another look into the store |
//! | 400 to 499 with `use_dpop_nonce` or `invalid_dpop_proof` | once, with another proof | [`Refused`](ClientErrorKind::Refused), and never the end of the session |
//! | 400 to 499 with another `error` | | [`Refused`](ClientErrorKind::Refused), with the [`code`](ClientError::code) |
//! | 408, 425, 429 or 5xx, with any body | twice | [`Unavailable`](ClientErrorKind::Unavailable) |
//! | 3xx, which is not followed | | [`Redirected`](ClientErrorKind::Redirected) |
//! | any other status | | [`Status`](ClientErrorKind::Status) |
//! | 2xx with more than [64 KiB](ClientSessionBuilder::answer_limit) | | [`TooLarge`](ClientErrorKind::TooLarge) |
//! | no connection, or it breaks | twice | [`Unreachable`](ClientErrorKind::Unreachable) |
//! | no whole answer within [10 s](ClientSessionBuilder::timeout) | twice | [`Timeout`](ClientErrorKind::Timeout) |
//!
//! A `refresh_token` is kept from each answer of success (2xx) in whose JSON it can be read, whatever
//! else is wrong with that answer: its status, its content type, other members, an end that is missing.
//! The token is lost only with an answer that is larger than the limit, or that does not arrive.
//!
//! # Errors
//!
//! [`ConfigError`] is a mistake in the application's configuration and comes before anything is sent.
//! [`ClientError`] says why there is no access token, [`TokenStoreError`] why a store failed, and
//! [`RequestError`] why a request got no response. Each says what went wrong at its own level. The
//! sources behind them are for logs: their types and texts are no part of this crate's API.
//!
#![doc = include_str!("dpop/bound_sessions.md")]
//! # Redirects
//!
//! Put the layer *inside* a layer that follows redirects, such as tower-http's `FollowRedirect`.
//! It then sees each request on the way, and one that leads to another origin gets no token. A
//! client that follows redirects by itself, as reqwest does by default, decides about the header by
//! itself; reqwest and `FollowRedirect` drop it when a redirect leaves the origin. The client of the
//! token endpoint must not follow redirects at all.
//!
//! # With tonic
//!
//! Make the generated client by its `with_origin`, over a channel that is wrapped by the layer with
//! [`never_replay`](RefreshLayer::never_replay). A client made by `new` names no host in its
//! requests, so the layer cannot see where they go and gives them no token.
//!
//! ```ignore
//! use std::sync::Arc;
//!
//! use tonic::{Code, Status, transport::{self, Channel}};
//! use tower::{BoxError, ServiceBuilder};
//! use tower_bearer_client::{RefreshLayer, RequestError};
//!
//! /// Without this, a call that finds no access token fails with `Unknown`.
//! fn status(error: RequestError<transport::Error>) -> BoxError {
//!     let error = match error {
//!         RequestError::Token(error) => error,
//!         other => return other.into(),
//!     };
//!     let code = match error.is_signed_out() {
//!         true => Code::Unauthenticated,
//!         false => Code::Unavailable,
//!     };
//!     let mut status = Status::new(code, error.to_string());
//!     status.set_source(Arc::new(error));
//!     status.into()
//! }
//!
//! let channel = ServiceBuilder::new()
//!     .map_err(status)
//!     .layer(RefreshLayer::new(&session, "https://api.example".parse()?).never_replay())
//!     .service(Channel::from_static("https://api.example").connect_lazy());
//! let client = GreeterClient::with_origin(channel, "https://api.example".parse()?);
//! ```
//!
//! The body of a call cannot be copied. If its token is refused, the call fails with
//! `Unauthenticated`, and the next call has a new token. If the session is over, all calls fail with
//! `Unauthenticated`. Those that the layer did not send have a [`ClientError`] as the source of their
//! status.
//!
//! So the code `Unauthenticated` alone does not say that the user has to sign in. Without that source
//! it comes from the server, which has refused one token, or has ended a stream because its token was
//! over. Then make the call again: it goes out with a new token if there can be one. Show the login when
//! the hook [`on_end`](ClientSessionBuilder::on_end) is called, or when the source says that there is no
//! session any more:
//!
//! ```ignore
//! use std::error::Error;
//!
//! use tower_bearer_client::ClientError;
//!
//! let source = status.source().and_then(|source| source.downcast_ref::<ClientError>());
//! let must_sign_in = source.is_some_and(ClientError::is_signed_out);
//! ```
//!
//! The servers of [`tower-bearer`](tower_bearer) refuse a token in a way that the layer understands.
//! For a server that sends a `grpc-status: 16` without a challenge, call
//! [`refresh_without_challenge`](RefreshLayer::refresh_without_challenge). For gRPC-Web, put the
//! layer *outside* of the one that translates, such as tonic-web's `GrpcWebClientLayer`: it then sees
//! the trailers, which are a part of the body on the wire.
//!
//! # With reqwest
//!
//! reqwest's client is a service of reqwest's own request type. A function makes it a service of
//! [`http::Request`]s:
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
//! let client = RefreshLayer::new(&session, "https://api.example".parse()?).layer(http);
//! # let _ = client.oneshot(http::Request::new(Bytes::new())).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `tracing`, on by default, logs refreshes that fail or are repeated, and why a session has ended.
//!   No token is logged.
//! - `dpop` binds sessions to a key. It needs one of the two crypto back ends, which are features as
//!   well: `aws-lc-rs`, or `rust-crypto` in pure Rust. Without it the crate builds no cryptography.
//!
//! [`Service`]: tower_service::Service

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod attempt;
mod builder;
mod challenge;
mod dpop;
mod endpoints;
mod error;
mod error_response;
mod flight;
mod future;
mod grpc;
mod held;
mod identity;
mod layer;
mod lineage;
mod logout;
mod members;
mod new_tokens;
mod origin;
mod phase;
mod refresh;
mod replay;
mod response_body;
mod rules;
mod schedule;
mod service;
mod session;
mod shared;
mod sign_in;
mod state;
mod store;
mod syntax;
mod token_request;
mod trace;

pub use builder::ClientSessionBuilder;
#[cfg(feature = "dpop")]
pub use dpop::DpopLogin;
pub use error::{
    ClientError, ClientErrorKind, ConfigError, ConfigErrorKind, EndReason, RequestError,
};
pub use error_response::ErrorResponse;
pub use future::ResponseFuture;
pub use layer::RefreshLayer;
pub use new_tokens::NewTokens;
pub use origin::Origin;
pub use phase::SessionPhase;
pub use replay::{CloneBody, NeverReplay, Replay};
pub use response_body::ResponseBody;
pub use service::Refresh;
pub use session::{ClientSession, SessionStatus};
pub use store::{
    FileTokenStore, FileTokenStoreLock, MemoryTokenStore, MemoryTokenStoreLock, SavedTokens,
    TokenStore, TokenStoreError, TokenStoreErrorKind,
};
pub use token_request::{EndpointKind, TokenRequest};
#[cfg(feature = "dpop")]
pub use tower_bearer::dpop::{DpopKey, DpopSigner};

/// The example of the README has to compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
