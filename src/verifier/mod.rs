//! [`Verifier`], which checks access tokens and reads their claims, and the issuers that it trusts.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use crate::{
    claims::{Claims, VerifiedToken},
    clock::{Clock, SystemClock, Timestamp},
    error::{ConfigError, ConfigErrorKind, TokenError},
    profile::TokenProfile,
};

#[cfg(feature = "remote")]
use crate::introspection::Introspection;

mod cache;
mod issuer;
mod issuers;
mod limits;
mod memory;
mod pending;
mod shard;
mod source;
mod tail;
mod text;
mod unverified;

use cache::Cache;
pub use issuer::TrustedIssuer;
use issuers::Issuers;
pub use limits::CacheLimits;
pub(crate) use pending::{Opaque, PendingToken, Timing, Verification};
pub use source::IssuerKeys;
#[cfg_attr(not(feature = "remote"), allow(unused_imports))] // only fetched keys have a source
pub(crate) use source::{Fetching, Missing, Source};
use unverified::Unverified;

#[cfg(test)]
mod tests;

const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
const MAX_LEEWAY: Duration = Duration::from_secs(300);
pub(crate) const DEFAULT_MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies access tokens (RFC 9068 §4) of one or several issuers. It is cheap to clone.
///
/// A token passes if all of this holds:
///
/// 1. It is at most 8 KiB long, and a strict compact JWS (see [`jws`](crate::jws)).
/// 2. A key of its issuer with its `kid` and `alg` has signed it. If several issuers are
///    [trusted](Self::trusting), the token's `iss` says which keys and rules hold for it. It chooses among
///    those that were configured, byte for byte, and nothing that a token says is ever fetched.
/// 3. Its `typ` is `at+jwt`.
/// 4. It has `iss`, `sub`, `aud`, `exp`, `iat`, `jti` and `client_id`, and all its claims have the
///    right type. Only `sid` and `gen`, which mean something to this crate, may be of another type in tokens
///    of other issuers.
/// 5. `iss` is the expected issuer and `aud` names this audience, byte for byte. If the JWK of the key
///    names an `issuer`, it is the same one.
/// 6. `exp` has not passed, and `nbf` and `iat` are not in the future, give or take the
///    [leeway](Self::leeway).
///
/// For issuers that do not follow RFC 9068, a [`TokenProfile`] changes points 3 and 4, and what takes
/// the place of a missing `aud`.
///
/// Where the keys of an issuer are fetched, the key of a good token may not be there yet. Then
/// [`authenticate`](Self::authenticate) and the [layer](crate::bearer) wait for it, and
/// [`verify`](Self::verify), which cannot wait, says [`Unavailable`](TokenError::Unavailable). So do all
/// three if the keys cannot be reached: that is a 503 and never a 401, which would make a client throw
/// away a token that is good.
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
    issuers: Issuers,
    /// Who is asked about tokens that are no JWTs.
    opaque: Option<Arc<dyn Opaque>>,
    leeway: Duration,
    clock: Arc<dyn Clock>,
    max_token_bytes: usize,
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
        keys: impl Into<IssuerKeys>,
    ) -> Result<Self, ConfigError> {
        Self::trusting([TrustedIssuer::new(issuer, audience, keys)?])
    }

    /// Creates a verifier of the tokens of several issuers. Each has keys, an audience and a profile of
    /// its own. [`Claims::iss`] says whose a token is.
    ///
    /// # Errors
    ///
    /// [`DuplicateIssuer`](ConfigErrorKind::DuplicateIssuer) if two have the same name, or if there are
    /// none.
    pub fn trusting(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Result<Self, ConfigError> {
        let issuers = Issuers::new(issuers.into_iter().collect())?;
        if issuers.is_empty() {
            let none = "there is no issuer whose tokens are accepted";
            return Err(ConfigError::new(ConfigErrorKind::DuplicateIssuer, none));
        }
        Ok(Self::of(issuers))
    }

    /// Creates a verifier that asks the authorization server about every token, also about JWTs.
    ///
    /// [`Claims::iss`] is what the server or the configuration says. The leeway and the clock of this
    /// verifier count for the times in the answers.
    #[cfg(feature = "remote")]
    pub fn introspecting(introspection: Introspection) -> Self {
        Self::of(Issuers::default()).opaque_tokens(introspection)
    }

    fn of(issuers: Issuers) -> Self {
        Self(Arc::new(Inner {
            issuers,
            opaque: None,
            leeway: DEFAULT_LEEWAY,
            clock: Arc::new(SystemClock),
            max_token_bytes: DEFAULT_MAX_TOKEN_BYTES,
            cache: Some(Arc::new(Cache::new(CacheLimits::default()))),
        }))
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

    /// How the tokens look, of each issuer that this verifier trusts. The default is RFC 9068.
    ///
    /// ```
    /// # use tower_bearer::{VerifyingKeys, error::ConfigError};
    /// use tower_bearer::{
    ///     Verifier,
    ///     profile::{Discriminator, TokenProfile},
    /// };
    ///
    /// # fn verifier(keys: VerifyingKeys) -> Result<Verifier, ConfigError> {
    /// let profile = TokenProfile::jwt(Discriminator::claim("token_use", "access"));
    /// Ok(Verifier::new("https://id.example", "https://api.example", keys)?.profile(profile))
    /// # }
    /// ```
    #[must_use]
    pub fn profile(self, profile: TokenProfile) -> Self {
        self.with(|inner| {
            for issuer in inner.issuers.iter_mut() {
                issuer.profile = profile.clone();
            }
        })
    }

    /// Also accepts tokens that are no JWTs, by asking the authorization server about them. A token of
    /// three parts with dots between them is a JWT and verified here: no server is asked about it, whether it
    /// is good or not.
    ///
    /// ```
    /// # use tower_bearer::{VerifyingKeys, error::ConfigError};
    /// use tower_bearer::{Verifier, introspection::Introspection};
    ///
    /// # fn verifier(keys: VerifyingKeys, introspection: Introspection) -> Result<Verifier, ConfigError> {
    /// let verifier = Verifier::new("https://id.example", "https://api.example", keys)?;
    /// Ok(verifier.opaque_tokens(introspection))
    /// # }
    /// ```
    #[cfg(feature = "remote")]
    #[must_use]
    pub fn opaque_tokens(self, introspection: Introspection) -> Self {
        self.with(|inner| inner.opaque = Some(introspection.into_opaque()))
    }

    /// Sets the limits of the memory for accepted tokens. The default is [`CacheLimits::default`]:
    /// up to 131 072 tokens and 128 MiB. Most tokens take 1 to 2 KiB, and more if they have many
    /// claims of the application's own.
    ///
    /// A remembered token is no longer used once it has expired, its key has left the
    /// [set](crate::VerifyingKeys), or its `kid` means another key. It stays in memory until later tokens
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

    /// Verifies an access token, as far as that can be done at once.
    ///
    /// # Errors
    ///
    /// The first check that fails. [`Expired`](TokenError::Expired) is only returned for a token
    /// that is right in every other way. [`Unavailable`](TokenError::Unavailable) if the token's key
    /// has to be fetched, or another server has to be asked about the token:
    /// [`authenticate`](Self::authenticate) waits for that.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        match self.recall(token.as_bytes()) {
            Some(verified) => Ok(verified),
            None => self.begin(token, self.0.clock.now(), false)?.now(),
        }
    }

    /// Like [`verify`](Self::verify), but waits where the key of a token is being fetched, or another
    /// server is asked about it. A [`BearerLayer`](crate::bearer::BearerLayer) does the same.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify). [`Unavailable`](TokenError::Unavailable) if the token cannot
    /// be judged in time.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, error::TokenError};
    /// async fn who(verifier: &Verifier, token: &str) -> Result<String, TokenError> {
    ///     Ok(verifier.authenticate(token).await?.claims().sub.clone())
    /// }
    /// ```
    pub async fn authenticate(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        match self.recall(token.as_bytes()) {
            Some(verified) => Ok(verified),
            None => match self.verify_anew(token)? {
                Verification::Done(verified) => Ok(verified),
                Verification::Pending(pending) => pending.await,
            },
        }
    }

    /// Like [`verify`](Self::verify), but at the time `now` and not at that of the verifier's
    /// clock.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    pub fn verify_at(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        match self.0.recall(token.as_bytes(), &At(now)) {
            Some(verified) => Ok(verified),
            None => self.begin(token, now, false)?.now(),
        }
    }

    /// Verifies a token that [`recall`](Self::recall) has just not found.
    pub(crate) fn verify_anew(&self, token: &str) -> Result<Verification, TokenError> {
        self.begin(token, self.0.clock.now(), true)
    }

    /// `may_wait` says whether the caller can wait to hear more than is known now.
    fn begin(
        &self,
        token: &str,
        now: Timestamp,
        may_wait: bool,
    ) -> Result<Verification, TokenError> {
        if let Some(opaque) = self.0.who_knows(token) {
            self.check_length(token.as_bytes())?;
            let ask = || Arc::clone(opaque).ask(Zeroizing::new(token.to_owned()), &self.0.timing());
            let known = opaque.recall(token, &self.0.timing());
            return Ok(known.map_or_else(|| Verification::Pending(ask()), Verification::Done));
        }
        match self.0.verify_jwt(token, now) {
            Ok(verified) => Ok(Verification::Done(verified)),
            Err(error @ (TokenError::Signature | TokenError::Algorithm)) => {
                match self.0.doubted(token) {
                    Some(fetching) if may_wait => {
                        Ok(Verification::Pending(self.verify_after(fetching, token)))
                    }
                    _ => Err(error),
                }
            }
            Err(TokenError::UnknownKey) => match self.0.missing(token) {
                Missing::Unknown => Err(TokenError::UnknownKey),
                Missing::Unavailable => Err(TokenError::Unavailable),
                Missing::Fetching(fetching) => {
                    Ok(Verification::Pending(self.verify_after(fetching, token)))
                }
            },
            Err(error) => Err(error),
        }
    }

    /// Verifies the token again when the keys have been fetched.
    fn verify_after(&self, fetching: Fetching, token: &str) -> PendingToken {
        let (verifier, token) = (self.clone(), Zeroizing::new(token.to_owned()));
        Box::pin(async move {
            fetching.await;
            let now = verifier.0.clock.now();
            match verifier.0.verify_jwt(&token, now) {
                Err(TokenError::UnknownKey) => Err(match verifier.0.missing(&token) {
                    Missing::Unknown => TokenError::UnknownKey,
                    Missing::Unavailable | Missing::Fetching(_) => TokenError::Unavailable,
                }),
                verified => verified,
            }
        })
    }

    /// Refuses a token that is too long.
    pub(crate) fn check_length(&self, token: &[u8]) -> Result<(), TokenError> {
        if token.len() > self.0.max_token_bytes {
            return Err(TokenError::TooLong);
        }
        Ok(())
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
            .field("issuers", &self.0.issuers)
            .field("opaque", &self.0.opaque)
            .field("leeway", &self.0.leeway)
            .field("cache", &self.0.cache.as_ref().map(|cache| cache.limits()))
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn recall(&self, token: &[u8], clock: &dyn Clock) -> Option<VerifiedToken> {
        self.cache.as_ref()?.get(token, clock)
    }

    /// Who is asked about this token, if it is not verified here.
    fn who_knows(&self, token: &str) -> Option<&Arc<dyn Opaque>> {
        let is_jwt = || token.bytes().filter(|byte| *byte == b'.').count() == 2;
        let opaque = self.opaque.as_ref()?;
        (self.issuers.is_empty() || !is_jwt()).then_some(opaque)
    }

    fn timing(&self) -> Timing {
        Timing {
            clock: Arc::clone(&self.clock),
            leeway: self.leeway,
        }
    }

    fn verify_jwt(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        if token.len() > self.max_token_bytes {
            return Err(TokenError::TooLong);
        }
        let issuer = self.issuers.of(token)?;
        let is_right_type = |header: &_| issuer.profile.has_type(header);
        let usable_for = issuer.keys.usable_for();
        let keys = &issuer.keys.set;
        let opened = keys.open(token, is_right_type, self.max_token_bytes)?;
        let content = issuer.read(&opened.payload, opened.trust.key_issuer())?;
        let good = self.good(&content.claims);
        if now < good.start {
            return Err(TokenError::NotYetValid);
        }
        if now >= good.end {
            return Err(TokenError::Expired);
        }
        let verified = VerifiedToken::new(content);
        if let Some(cache) = &self.cache {
            // Then its key has to be looked at again.
            let end = usable_for.map_or(good.end, |left| good.end.min(now + left));
            cache.put(token, &verified, opened.trust, good.start..end, now);
        }
        Ok(verified)
    }

    /// What is known of the key of a token that no key fits. What the token says of itself decides
    /// only what its own sender is told.
    fn missing(&self, token: &str) -> Missing {
        let source = self.source_of(token);
        source.map_or(Missing::Unknown, |(source, iat)| source.missing(iat))
    }

    /// The fetch to wait for, if the key may have been replaced by another of the same name.
    fn doubted(&self, token: &str) -> Option<Fetching> {
        let (source, iat) = self.source_of(token)?;
        source.doubted(iat)
    }

    /// What fills the keys of the issuer that the token names, and when it says that it was issued.
    fn source_of(&self, token: &str) -> Option<(&Arc<dyn Source>, Option<Timestamp>)> {
        let Unverified { iss, iat } = Unverified::of(token)?;
        let of_iss =
            |issuer: &&TrustedIssuer| issuer.names().any(|name| Some(name) == iss.as_deref());
        let issuer = self.issuers.iter().find(of_iss)?;
        Some((issuer.keys.source.as_ref()?, iat))
    }

    /// The time in which the claims are valid, with the leeway (RFC 7519 §4.1.4 and §4.1.5).
    fn good(&self, claims: &Claims) -> Range<Timestamp> {
        let starts = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        starts - self.leeway..claims.exp + self.leeway
    }
}
