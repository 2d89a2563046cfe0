use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tower_service::Service;

use crate::{
    jws::VerifyingKeys,
    reply::{ReplyBody, ReplyFuture, ResponseFuture},
    serving::document::{self, Lifetime},
};

/// A restart or an outage is no reason to refuse all tokens.
const DEFAULT_STALE_IF_ERROR: Duration = Duration::from_secs(60 * 60);

/// The endpoint that publishes the keys which verify access tokens, as a JWK Set (RFC 7517 §5).
///
/// It is a Tower service over any request body. It shows public keys only; for a set of secret
/// keys it answers `{"keys":[]}`. When the [`KeySet`](crate::KeySet) that the keys come from
/// changes, the endpoint shows the new keys at once, and caches do so after
/// [`max_age`](Self::max_age) at most. The manual says [how to roll over](crate::manual::keys#rolling-over-the-access-key)
/// so that nobody who reads them refuses a token.
///
/// The answer has an `ETag`, and a reader that has it already gets a 304.
///
/// A key of ML-DSA has the type `AKP`, at which some readers refuse the whole set, the keys that they know
/// included. See [who reads them](crate::manual::keys#tokens-that-quantum-computers-cannot-forge) before you add one.
///
/// ```
/// use tower_bearer::{KeySet, endpoint::JwksEndpoint};
///
/// fn endpoint(keys: &KeySet) -> JwksEndpoint {
///     JwksEndpoint::new(keys.verifying())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct JwksEndpoint {
    keys: VerifyingKeys,
    lifetime: Lifetime,
}

impl JwksEndpoint {
    /// An endpoint that shows these keys.
    pub fn new(keys: VerifyingKeys) -> Self {
        Self {
            keys,
            lifetime: Lifetime {
                max_age: document::DEFAULT_MAX_AGE,
                stale_if_error: DEFAULT_STALE_IF_ERROR,
            },
        }
    }

    /// How long caches may keep an answer, in whole seconds: 300 seconds by default. For the keys of a
    /// [ring](crate::ring::KeyRing) it is at most the time that a key is
    /// [published](crate::ring::KeyRingBuilder::publish_for) before it signs, less the lease, less 30 seconds for readers
    /// that ask no more often. So `max_age` of a day is cut with the default times of a ring. A publication that is at most a
    /// minute longer than the lease is not cut by the 30 seconds. A server whose lease is over answers `max-age=0`.
    /// [`stale_if_error`](Self::stale_if_error) is cut to what `max-age` leaves of that time.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.lifetime.max_age = max_age;
        self
    }

    /// For how much longer caches may use an answer where the server cannot be reached or answers with a 5xx (RFC 5861
    /// §4), in whole seconds: for one hour by default. Zero leaves it out. For the keys of a ring it is
    /// [cut](Self::max_age) too.
    ///
    /// A key that was retired because it has leaked may be trusted for so long by whoever reads through a cache that
    /// gets no answer.
    #[must_use]
    pub fn stale_if_error(mut self, stale: Duration) -> Self {
        self.lifetime.stale_if_error = stale;
        self
    }

    pub(super) fn respond<B>(&self, request: &Request<B>) -> ReplyFuture {
        let longest = self.keys.longest_kept().unwrap_or(Duration::MAX);
        let max_age = self.lifetime.max_age.min(longest);
        let lifetime = Lifetime {
            max_age,
            // Whoever gets no answer must not use an older one beside keys that it lacks either.
            stale_if_error: self
                .lifetime
                .stale_if_error
                .min(longest.saturating_sub(max_age)),
        };
        ReplyFuture::ready(document::respond(request, lifetime, || self.keys.jwks()))
    }
}

impl<B> Service<Request<B>> for JwksEndpoint {
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.respond(&request).into()
    }
}
