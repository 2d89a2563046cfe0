//! Tokens that are worth nothing without a key: Demonstrating Proof of Possession (RFC 9449).
//!
//! A client makes a key pair and signs a small proof with it for each request: the header `DPoP`. A
//! session that is started with such a proof is bound to the key, and so is each of its tokens.
//! Whoever steals the tokens alone can do nothing with them.
//!
//! A [`DpopVerifier`] checks proofs. It is given to the layer
//! ([`BearerLayer::dpop`](crate::bearer::BearerLayer::dpop)), to the endpoints
#![cfg_attr(
    feature = "session",
    doc = "([`EndpointOptions::dpop`](crate::endpoint::EndpointOptions::dpop)),"
)]
#![cfg_attr(not(feature = "session"), doc = "(`EndpointOptions::dpop`),")]
//! and the application's login asks it too. It checks in this order (RFC 9449 §4.3):
//!
//! 1. There is one `DPoP` header, of at most 8 KiB.
//! 2. It is a JWS of the type `dpop+jwt`, signed with one of the
//!    [algorithms](DpopVerifier::algorithms) that are allowed. All of these are signatures of a key
//!    pair. The public key is in the header, and there is no private one.
//! 3. The signature is right by that key.
//! 4. The claims `jti`, `htm`, `htu` and `iat` are there. `jti` has at most 256 bytes.
//! 5. `htm` is the method of the request.
//! 6. `htu` is the URL of the request as the client sees it, without its query: one of the
//!    [public addresses](DpopVerifier::new) of this server, followed by the path. Both are compared
//!    after the normalisation of RFC 3986 §6.2.2 and §6.2.3, but a request whose path has a segment
//!    `.` or `..`, escaped or not, is at no URL: routers take those literally.
//! 7. The proof is fresh: `iat` is at most the [window](DpopVerifier::window) away from the time of
//!    this server, or the `nonce` is one that [this server](DpopVerifier::nonces) has given out
//!    lately.
//! 8. With an access token, `ath` is its hash, and the key is the one that the token is bound to.
//! 9. The proof was not [seen before](DpopVerifier::replay_limit). If the layer has accepted it for this
//!    request, a second layer or a handler may check it once more.
//!
//! What is refused is answered with `invalid_dpop_proof`, or with `use_dpop_nonce` and a header
//! `DPoP-Nonce`. The status is 400 at the login and the endpoints, and 401 at a resource.
//!
//! The client's side is a [`DpopKey`], which makes the proofs. The crate
//! [`tower-bearer-client`](https://docs.rs/tower-bearer-client) uses one.
//!
//! [The manual](crate::manual::dpop) says how to turn it on, and what each answer means.

mod accepted;
mod check;
mod claims;
mod error;
mod key;
mod nonce;
mod other_url;
mod proof;
mod seen;
mod settings;
mod signer;
mod target;
mod url;
mod verifier;

pub use crate::{context::RequestHead, key_proof::KeyProof};
pub(crate) use check::BoundToken;
pub use error::{DpopError, DpopErrorKind};
pub use key::DpopKey;
pub use nonce::NonceSecret;
pub use proof::{DpopProof, DpopProofError, DpopProofErrorKind};
pub use signer::DpopSigner;
pub use verifier::DpopVerifier;

use http::HeaderName;

/// The request header with the proof (RFC 9449 §4.1).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The response header with a nonce for the next proof (RFC 9449 §8.1).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
