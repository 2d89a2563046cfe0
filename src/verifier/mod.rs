//! [`Verifier`], which checks access tokens and reads their claims, and the issuers that it trusts.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, SystemClock},
    error::{ConfigError, ConfigErrorKind},
    profile::TokenProfile,
};

mod cache;
mod issuer;
mod issuers;
mod limits;
mod memory;
mod meter;
mod pending;
mod shard;
mod source;
mod tail;
mod taken_over;
mod text;
mod unverified;
mod verify;

use cache::Cache;
pub use issuer::TrustedIssuer;
#[cfg(feature = "remote")]
pub(crate) use issuer::has_tenant;
use issuers::Issuers;
pub use limits::CacheLimits;
#[cfg(feature = "remote")]
pub(crate) use memory::held_by;
#[cfg(feature = "remote")]
pub(crate) use pending::Timing;
pub(crate) use pending::{Opaque, PendingToken, Verification};
pub use source::IssuerKeys;
#[cfg_attr(not(feature = "remote"), allow(unused_imports))] // only fetched keys have a source
pub(crate) use source::{Fetching, Missing, Source};

pub use taken_over::ForeignAccessTokens;

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
/// [`verify`](Self::verify), which cannot wait, says [`Unavailable`](crate::error::TokenError::Unavailable). So do all
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
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience) if the name is empty, and
    /// [`KeysOfAnotherIssuer`](ConfigErrorKind::KeysOfAnotherIssuer) if the keys were discovered by
    /// another name than `issuer`.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: impl Into<IssuerKeys>,
    ) -> Result<Self, ConfigError> {
        Self::trusting([TrustedIssuer::new(issuer, audience, keys)?])
    }

    /// Creates a verifier of the tokens of several issuers. Each has keys, an audience and a profile of
    /// its own. [`Claims::iss`](crate::Claims::iss) says whose a token is.
    ///
    /// # Errors
    ///
    /// [`DuplicateIssuer`](ConfigErrorKind::DuplicateIssuer) if two have the same name, and
    /// [`NoIssuer`](ConfigErrorKind::NoIssuer) if there are none.
    pub fn trusting(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Result<Self, ConfigError> {
        let issuers = Issuers::new(issuers.into_iter().collect())?;
        if issuers.is_empty() {
            let none = "there is no issuer whose tokens are accepted";
            return Err(ConfigError::new(ConfigErrorKind::NoIssuer, none));
        }
        Ok(Self::of(issuers))
    }

    /// A verifier that trusts no issuer of JWTs, and asks another server about every token.
    #[cfg(feature = "remote")]
    pub(crate) fn asking(opaque: Arc<dyn Opaque>) -> Self {
        Self::of(Issuers::default()).asking_too(opaque)
    }

    /// The same verifier, which asks another server about what is no JWT.
    #[cfg(feature = "remote")]
    pub(crate) fn asking_too(self, opaque: Arc<dyn Opaque>) -> Self {
        self.with(|inner| inner.opaque = Some(opaque))
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

    /// How the tokens of the one issuer look that this verifier trusts. The default is RFC 9068. A
    /// verifier that asks another server [about every token][introspecting] reads its answers so.
    ///
    /// Where there are several issuers, each has [a profile of its own](TrustedIssuer::profile), and so
    /// have [opaque tokens beside JWTs][opaque].
    ///
    /// [introspecting]: https://docs.rs/tower-bearer/latest/tower_bearer/struct.Verifier.html#method.introspecting
    /// [opaque]: https://docs.rs/tower-bearer/latest/tower_bearer/introspection/struct.IntrospectionBuilder.html#method.profile
    ///
    /// # Errors
    ///
    /// [`Profile`](ConfigErrorKind::Profile) if the verifier trusts several issuers.
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
    /// Verifier::new("https://id.example", "https://api.example", keys)?.profile(profile)
    /// # }
    /// ```
    pub fn profile(self, profile: TokenProfile) -> Result<Self, ConfigError> {
        let mut issuers = self.0.issuers.clone();
        match &self.0.opaque {
            Some(opaque) if issuers.is_empty() => {
                let opaque = opaque.with_profile(profile);
                Ok(self.with(|inner| inner.opaque = Some(opaque)))
            }
            _ => {
                issuers.set_profile(profile)?;
                Ok(self.with(|inner| inner.issuers = issuers))
            }
        }
    }

    /// Sets the limits of the memory for accepted tokens. The default is [`CacheLimits::default`]:
    /// up to 131 072 tokens and 128 MiB. Most tokens take 1 to 2 KiB, and more if they have many
    /// claims of the application's own. What an introspection has told is remembered by the introspection
    /// itself, and its `max_age` says for how long.
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
    /// in memory. This is not about tokens that another server was asked about: an introspection has a
    /// memory of its own, and its `max_age` says for how long.
    #[must_use]
    pub fn without_cache(self) -> Self {
        self.with(|inner| inner.cache = None)
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
