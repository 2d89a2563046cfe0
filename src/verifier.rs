//! [`Verifier`]: access token in, claims out.

use std::{fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    claims::{Audience, Claims, VerifiedToken},
    clock::{Clock, SystemClock, Timestamp},
    error::{ConfigError, ConfigErrorKind, TokenError},
    issuer::{ACCESS_TOKEN_TYPE, check_names},
    json,
    jws::VerifyingKeys,
};

#[cfg(test)]
mod tests;

const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
const MAX_LEEWAY: Duration = Duration::from_secs(300);
pub(crate) const DEFAULT_MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies access tokens (RFC 9068 §4). Cheap to clone.
///
/// A token passes where
/// 1. it is at most 8 KiB long, and a strict compact JWS (see [`jws`](crate::jws));
/// 2. a trusted key of its `kid` and `alg` has signed it;
/// 3. its `typ` is `at+jwt`;
/// 4. `iss`, `sub`, `aud`, `exp`, `iat`, `jti` and `client_id` are there, and all claims are of
///    their type;
/// 5. `iss` is the expected issuer and `aud` names this audience, byte for byte;
/// 6. `exp` has not come, and `nbf` and `iat` do not lie ahead, give or take the
///    [leeway](Self::leeway).
///
/// ```
/// use tower_bearer::{Algorithm, KeySet, SigningKey, Verifier, error::TokenError};
///
/// let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?);
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
///
/// assert_eq!(verifier.verify("no.such.token").unwrap_err(), TokenError::Malformed);
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    issuer: String,
    audience: String,
    keys: VerifyingKeys,
    leeway: Duration,
    clock: Arc<dyn Clock>,
    max_token_bytes: usize,
    client_id_required: bool,
}

impl Verifier {
    /// A verifier of tokens from `issuer` for `audience`, which is this server's own name.
    ///
    /// # Errors
    ///
    /// [`EmptyIssuer`](ConfigErrorKind::EmptyIssuer) and
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience).
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: VerifyingKeys,
    ) -> Result<Self, ConfigError> {
        let (issuer, audience) = (issuer.into(), audience.into());
        check_names(&issuer, &audience)?;
        Ok(Self(Arc::new(Inner {
            issuer,
            audience,
            keys,
            leeway: DEFAULT_LEEWAY,
            clock: Arc::new(SystemClock),
            max_token_bytes: DEFAULT_MAX_TOKEN_BYTES,
            client_id_required: true,
        })))
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// By how much the clocks of issuer and verifier may differ (RFC 7519 §4.1.4). The default
    /// is 5 seconds, the most is 5 minutes.
    ///
    /// # Errors
    ///
    /// [`Lifetime`](ConfigErrorKind::Lifetime) where it is more.
    pub fn leeway(self, leeway: Duration) -> Result<Self, ConfigError> {
        if leeway > MAX_LEEWAY {
            return Err(ConfigErrorKind::Lifetime("the leeway is at most 5 minutes").into());
        }
        Ok(self.with(|inner| inner.leeway = leeway))
    }

    /// Tells the time by `clock`. The default is the [`SystemClock`].
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|inner| inner.clock = Arc::new(clock))
    }

    /// Refuses tokens that are longer, before any work. The default is 8192 bytes.
    #[must_use]
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        self.with(|inner| inner.max_token_bytes = bytes)
    }

    /// Accepts tokens without `client_id`, for issuers that do not follow RFC 9068 §2.2. Where
    /// it is there, it still has to be a string.
    #[must_use]
    pub fn allow_missing_client_id(self) -> Self {
        self.with(|inner| inner.client_id_required = false)
    }

    /// Verifies an access token.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it. [`Expired`](TokenError::Expired) is only told of
    /// a token that is right in every other way.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        self.verify_at(token, self.0.clock.now())
    }

    /// As [`verify`](Self::verify), at a time that another clock tells.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_at(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        let inner = &*self.0;
        let payload = inner
            .keys
            .open(token, ACCESS_TOKEN_TYPE, inner.max_token_bytes)?;
        let mut members = json::object(&payload).map_err(|_| TokenError::Malformed)?;
        let claims = take_claims(&mut members)?;
        inner.check(&claims, now)?;
        Ok(VerifiedToken::new(claims, members))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.0.issuer)
            .field("audience", &self.0.audience)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
        if self.client_id_required && claims.client_id.is_none() {
            return Err(TokenError::Claims);
        }
        if claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        if !claims.aud.contains(&self.audience) {
            return Err(TokenError::Audience);
        }
        let latest = now + self.leeway;
        if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(TokenError::NotYetValid);
        }
        if now >= claims.exp + self.leeway {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}

/// Takes the registered members out; what is left is the application's.
fn take_claims(members: &mut Map<String, Value>) -> Result<Claims, TokenError> {
    Ok(Claims {
        iss: required(members, "iss")?,
        sub: non_empty(required(members, "sub")?)?,
        aud: required::<Audience>(members, "aud")?,
        exp: required::<Timestamp>(members, "exp")?,
        iat: required(members, "iat")?,
        nbf: optional(members, "nbf")?,
        jti: non_empty(required(members, "jti")?)?,
        client_id: optional(members, "client_id")?.map(non_empty).transpose()?,
        scope: optional(members, "scope")?.unwrap_or_default(),
        sid: optional(members, "sid")?,
        generation: optional(members, "gen")?,
        auth_time: optional(members, "auth_time")?,
        private: (),
    })
}

fn required<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<T, TokenError> {
    optional(members, name)?.ok_or(TokenError::Claims)
}

/// A member that is `null` is there, and of the wrong type.
fn optional<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, TokenError> {
    let Some(value) = members.remove(name) else {
        return Ok(None);
    };
    T::deserialize(value)
        .map(Some)
        .map_err(|_| TokenError::Claims)
}

fn non_empty(text: String) -> Result<String, TokenError> {
    if text.is_empty() {
        Err(TokenError::Claims)
    } else {
        Ok(text)
    }
}
