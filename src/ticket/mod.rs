//! Tickets: what a browser shows where it can send no access token.
//!
//! A page cannot set a header of a WebSocket or of an `EventSource`, and a token in a URL lands in histories
//! and logs. A page that can use neither a cookie nor
//! [`Sec-WebSocket-Protocol`](crate::bearer::BearerLayer::websocket_protocol) asks for a ticket first, with its
//! access token, and shows it in the query of the one request that it is for. [The manual][manual] compares
//! the ways.
//!
//! 1. [`Tickets::issue`] makes a ticket out of a [`VerifiedToken`](crate::VerifiedToken), for one path. The
//!    ticket is the access token and a time, encrypted with AES-256-GCM under a key of its own, which is made
//!    of the [secret](TicketSecret) and 16 random bytes. A token of 600 bytes makes a ticket of about 850 characters.
//! 2. A layer with [`tickets`](crate::bearer::BearerLayer::tickets) takes it from the query parameter
//!    `access_ticket` of a GET, or of the CONNECT by which a WebSocket opens in HTTP/2. It removes the parameter, so
//!    that inner services do not log it. Whatever stands before the layer sees it.
//! 3. The path of the request must be the ticket's, byte for byte: neither escapes nor slashes nor dots are
//!    resolved.
//! 4. A ticket is good for [30 seconds](Tickets::lifetime), and once. Of two requests with it, one wins, whatever
//!    happens to it then. What was used is remembered until it has run out,
//!    in the [secret](TicketSecret) of this process, and a ticket that is older than the process is refused. If there is no more
//!    [room](Tickets::limit), tickets are refused with 503.
//! 5. The access token inside is then checked as any other, by all rules of the layer. So a ticket of a session
//!    that has ended opens nothing, and what it opens is over when
//!    that token expires.
//! 6. A ticket that is not good is answered with 401 `invalid_token`, one beside a token in a header with 400
//!    `invalid_request`. A cookie beside it counts for nothing. A link on a page of another site that leads to a
//!    ticket is answered with 403 `access_denied`, where the browser says so (`Sec-Fetch-Site` and
//!    `Sec-Fetch-Mode`).
//! 7. A token that is bound to a key can be used by a ticket, if its key was proved where the ticket was asked for:
//!    the ticket says so. One that was let through [without a
//!    proof](crate::bearer::BearerLayer::danger_accept_bound_tokens_without_proof) opens only what is as lenient. A
//!    token that is bound to none is refused by a layer whose clients have to bind their tokens. For its seconds the
//!    ticket is a bearer token. A token that came by a ticket gets no other.
//!
//! Whoever has an account can make somebody else's browser open an address with a ticket of their own. So what a
//! ticket opens must not tie anything else of that browser, such as another cookie or what it has typed, to the user
//! of the ticket.
//!
//! The memory of what was used is that of one process. Servers with the same secret take each other's tickets, and
//! so a ticket that somebody else has read in time can be used once **at each of them**. Where that is too much,
//! give each server a secret of its own, and have a load balancer send a client to the same one.
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
//!     ticket::{TicketSecret, Tickets},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
//! # let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
//! # let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
//! # let claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
//! # let access_token = issuer.sign(&claims)?;
//! let tickets = Tickets::new(TicketSecret::generate()?);
//! let app = {
//!     let tickets = tickets.clone();
//!     service_fn(move |request: Request<String>| {
//!         let token = request.extensions().get::<VerifiedToken>();
//!         let ticket = token.and_then(|token| tickets.issue(token, "/events").ok());
//!         let text = ticket.map(|ticket| ticket.expose().to_owned());
//!         async { Ok::<_, Infallible>(Response::new(text.unwrap_or_default())) }
//!     })
//! };
//! let service = ServiceBuilder::new()
//!     .layer(BearerLayer::new(verifier).tickets(&tickets))
//!     .service(app);
//!
//! let request = Request::post("/ticket")
//!     .header(header::AUTHORIZATION, format!("Bearer {}", access_token.expose()))
//!     .body(String::new())?;
//! let ticket = service.clone().oneshot(request).await?.into_body();
//! # let ticket = http_body_util::BodyExt::collect(ticket).await?.to_bytes();
//! # let ticket = std::str::from_utf8(&ticket)?;
//!
//! // It opens its path …
//! let events = || Request::get(format!("/events?access_ticket={ticket}")).body(String::new());
//! assert_eq!(service.clone().oneshot(events()?).await?.status(), StatusCode::OK);
//!
//! // … and not twice.
//! assert_eq!(service.oneshot(events()?).await?.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! [manual]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/streams/index.html

mod error;
mod query;
mod sealed;
mod secret;
mod spent;
mod tickets;

pub use error::{TicketError, TicketErrorKind};
pub(crate) use query::{Found, find};
pub(crate) use secret::SecretId;
pub use secret::TicketSecret;
pub(crate) use tickets::Redeemed;
pub use tickets::{Ticket, Tickets};
