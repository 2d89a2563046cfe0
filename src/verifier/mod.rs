//! [`Verifier`], which checks access tokens and reads their claims.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use crate::{
    claims::{self, Claims, VerifiedToken},
    clock::{Clock, SystemClock, Timestamp},
    error::{ConfigError, ConfigErrorKind, TokenError},
    issuer::{ACCESS_TOKEN_TYPE, check_names},
    jws::VerifyingKeys,
};

mod cache;
mod limits;
mod memory;
mod shard;
mod tail;
mod text;

use cache::Cache;
pub use limits::CacheLimits;

#[cfg(test)]
mod tests;

const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
const MAX_LEEWAY: Duration = Duration::from_secs(300);
pub(crate) const DEFAULT_MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies access tokens (RFC 9068 §4). It is cheap to clone.
///
/// A token passes if all of this holds:
///
/// 1. It is at most 8 KiB long, and a strict compact JWS (see [`jws`](crate::jws)).
/// 2. A trusted key with its `kid` and `alg` has signed it.
/// 3. Its `typ` is `at+jwt`.
/// 4. It has `iss`, `sub`, `aud`, `exp`, `iat`, `jti` and `client_id`, and all its claims have the
///    right type.
/// 5. `iss` is the expected issuer and `aud` names this audience, byte for byte.
/// 6. `exp` has not passed, and `nbf` and `iat` are not in the future, give or take the
///    [leeway](Self::leeway).
///
/// The verifier remembers each token that has passed. For the next request with the same token, it
/// only checks the times and that the key is still in the set; it checks no signature and reads no
/// JSON. The memory is [bounded](Self::cache), keeps nothing of refused tokens, and can be
/// [switched off](Self::without_cache). Clones share it. Each method that configures a verifier,
/// such as [`leeway`](Self::leeway), gives it an empty memory of its own, so configure it before
/// you clone it.
///
/// ```
/// use tower_bearer::{Algorithm, KeySet, SigningKey, Verifier, error::TokenError};
///
/// let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?);
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
///
/// assert_eq!(verifier.verify("no.such.token").unwrap_err(), TokenError::Malformed);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    issuer: String,
    /// `None` if the tokens may be for anybody.
    audience: Option<String>,
    keys: VerifyingKeys,
    leeway: Duration,
    clock: Arc<dyn Clock>,
    max_token_bytes: usize,
    client_id_required: bool,
    cache: Option<Arc<Cache>>,
}

impl Verifier {
    /// Creates a verifier of tokens from `issuer` for `audience`, which is this server's own name.
    ///
    /// # Errors
    ///
    /// [`EmptyIssuer`](ConfigErrorKind::EmptyIssuer) or
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience) if the name is empty.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: VerifyingKeys,
    ) -> Result<Self, ConfigError> {
        let (issuer, audience) = (issuer.into(), audience.into());
        check_names(&issuer, &audience)?;
        Ok(Self(Arc::new(Inner {
            issuer,
            audience: Some(audience),
            keys,
            leeway: DEFAULT_LEEWAY,
            clock: Arc::new(SystemClock),
            max_token_bytes: DEFAULT_MAX_TOKEN_BYTES,
            client_id_required: true,
            cache: Some(Arc::new(Cache::new(CacheLimits::default()))),
        })))
    }

    /// Changes the configuration and empties the memory, whose tokens might no longer be accepted.
    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.cache = inner.cache.map(|cache| Arc::new(cache.emptied()));
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Sets by how much the clocks of issuer and verifier may differ (RFC 7519 §4.1.4). The default
    /// is 5 seconds, the maximum 5 minutes.
    ///
    /// # Errors
    ///
    /// [`Lifetime`](ConfigErrorKind::Lifetime) if `leeway` is above the maximum.
    pub fn leeway(self, leeway: Duration) -> Result<Self, ConfigError> {
        if leeway > MAX_LEEWAY {
            let long = "the leeway is at most 5 minutes";
            return Err(ConfigError::new(ConfigErrorKind::Lifetime, long));
        }
        Ok(self.with(|inner| inner.leeway = leeway))
    }

    /// Sets the clock. The default is the [`SystemClock`].
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|inner| inner.clock = Arc::new(clock))
    }

    /// Sets the maximum length of a token. Longer ones are refused before any other check. The
    /// default is 8192 bytes.
    #[must_use]
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        self.with(|inner| inner.max_token_bytes = bytes)
    }

    /// Accepts tokens without `client_id`, for issuers that do not follow RFC 9068 §2.2. If a token
    /// has a `client_id`, it must still be a string that is not empty.
    #[must_use]
    pub fn danger_allow_missing_client_id(self) -> Self {
        self.with(|inner| inner.client_id_required = false)
    }

    /// Sets the limits of the memory for accepted tokens. The default is [`CacheLimits::default`]:
    /// up to 131 072 tokens and 128 MiB. Most tokens take 1 to 2 KiB, and more if they have many
    /// claims of the application's own.
    ///
    /// A remembered token is no longer used once it has expired, its key has left the
    /// [set](VerifyingKeys), or its `kid` means another key. It stays in memory until later tokens
    /// take its place. The verifier still checks the times of each request, and the layer its
    /// session and its scope.
    #[must_use]
    pub fn cache(self, limits: CacheLimits) -> Self {
        self.with(|inner| inner.cache = Some(Arc::new(Cache::new(limits))))
    }

    /// Remembers no tokens: the signature is verified on each request, and no accepted token stays
    /// in memory.
    #[must_use]
    pub fn without_cache(self) -> Self {
        self.with(|inner| inner.cache = None)
    }

    /// Verifies an access token.
    ///
    /// # Errors
    ///
    /// The first check that fails. [`Expired`](TokenError::Expired) is only returned for a token
    /// that is right in every other way.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        self.0.verify(token, &*self.0.clock)
    }

    /// Like [`verify`](Self::verify), but at the time `now` and not at that of the verifier's
    /// clock.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    pub fn verify_at(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        self.0.verify(token, &At(now))
    }

    /// Like [`verify`](Self::verify), for a token that [`recall`](Self::recall) has just not found.
    pub(crate) fn verify_anew(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        self.0.verify_anew(token, self.0.clock.now())
    }

    /// Refuses a token that is too long.
    pub(crate) fn check_length(&self, token: &[u8]) -> Result<(), TokenError> {
        if token.len() > self.0.max_token_bytes {
            return Err(TokenError::TooLong);
        }
        Ok(())
    }

    /// Takes tokens whoever they are for. It is for the issuer, which ends their sessions.
    #[cfg(feature = "session")]
    pub(crate) fn for_any_audience(self) -> Self {
        self.with(|inner| inner.audience = None)
    }

    /// Whether no more than `age` has passed since then, give or take the leeway.
    pub(crate) fn is_within(&self, age: Duration, since: Timestamp) -> bool {
        self.0.clock.now() <= since + age + self.0.leeway
    }

    /// The token, if it is remembered and would still be accepted.
    pub(crate) fn recall(&self, token: &[u8]) -> Option<VerifiedToken> {
        self.0.recall(token, &*self.0.clock)
    }
}

/// A clock that stands still at one time.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.0.issuer)
            .field("audience", &self.0.audience)
            .field("keys", &self.0.keys)
            .field("leeway", &self.0.leeway)
            .field("cache", &self.0.cache.as_ref().map(|cache| cache.limits()))
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn verify(&self, token: &str, clock: &dyn Clock) -> Result<VerifiedToken, TokenError> {
        match self.recall(token.as_bytes(), clock) {
            Some(verified) => Ok(verified),
            None => self.verify_anew(token, clock.now()),
        }
    }

    fn recall(&self, token: &[u8], clock: &dyn Clock) -> Option<VerifiedToken> {
        self.cache.as_ref()?.get(token, &self.keys, clock)
    }

    fn verify_anew(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        let opened = self
            .keys
            .open(token, ACCESS_TOKEN_TYPE, self.max_token_bytes)?;
        let content = claims::read(&opened.payload)?;
        self.check(&content.claims)?;
        let good = self.good(&content.claims);
        if now < good.start {
            return Err(TokenError::NotYetValid);
        }
        if now >= good.end {
            return Err(TokenError::Expired);
        }
        let verified = VerifiedToken::new(content);
        if let Some(cache) = &self.cache {
            cache.put(token, &verified, opened.trust, good, now);
        }
        Ok(verified)
    }

    /// The time in which the claims are valid, with the leeway (RFC 7519 §4.1.4 and §4.1.5).
    fn good(&self, claims: &Claims) -> Range<Timestamp> {
        let starts = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        starts - self.leeway..claims.exp + self.leeway
    }

    fn check(&self, claims: &Claims) -> Result<(), TokenError> {
        if self.client_id_required && claims.client_id.is_none() {
            return Err(TokenError::Claims);
        }
        if claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        if let Some(audience) = &self.audience
            && !claims.aud.contains(audience)
        {
            return Err(TokenError::Audience);
        }
        Ok(())
    }
}
