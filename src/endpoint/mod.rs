//! The OAuth endpoints as Tower services over any request body.
//!
//! 1. [`TokenEndpoint`] exchanges a refresh token for new tokens (RFC 6749 §6).
//! 2. [`RevocationEndpoint`] ends a session (RFC 7009).
//! 3. [`JwksEndpoint`] shows the keys that verify access tokens (RFC 7517).
//! 4. [`Endpoints`] is all of them and the metadata (RFC 8414), each at its path.
//!
//! Each never fails: what goes wrong is a response. Bodies are read up to a limit and only
//! after the content type is known to be wanted; no answer of the first two may be cached; an
//! error says nothing of the token that it is about.
//!
//! ```
//! use tower_bearer::{
//!     Verifier, bearer::BearerLayer, endpoint::Endpoints, session::Sessions, store::MemoryStore,
//! };
//!
//! fn layer(
//!     verifier: Verifier,
//!     sessions: &Sessions<MemoryStore>,
//! ) -> BearerLayer<Endpoints<MemoryStore>> {
//!     // POST /auth/token is answered by the layer, all else needs an access token.
//!     let endpoints = Endpoints::new(sessions).under("/auth");
//!     BearerLayer::new(verifier).sessions(sessions).serve(endpoints)
//! }
//! ```

mod authenticate;
mod carrier;
mod client;
#[cfg(feature = "cookie")]
mod cookie;
mod core;
mod document;
mod endpoints;
mod future;
mod jwks;
mod metadata;
mod params;
mod rejection;
mod revocation;
mod token;

pub use authenticate::IntoClientDecision;
pub use client::ClientSecret;
pub use endpoints::Endpoints;
pub use future::{ReplyFuture, ResponseFuture};
pub use jwks::JwksEndpoint;
pub use revocation::RevocationEndpoint;
pub use token::TokenEndpoint;
