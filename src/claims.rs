//! What an access token says: [`Claims`], [`Scope`], [`Audience`] (RFC 7519, RFC 9068).

use std::{collections::HashSet, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{clock::Timestamp, error::ConfigError, json};

/// The members that RFC 9068 and this crate define. The application's own claims may not use
/// these names.
pub const REGISTERED: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "client_id",
    "scope",
    "sid",
    "gen",
    "auth_time",
];

/// The claims of an access token (RFC 9068 §2.2) and the application's own, `P`.
///
/// `P` is read from, and written into, the same JSON object as the registered members.
///
/// ```
/// use tower_bearer::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct MyClaims {
///     role: String,
/// }
///
/// fn greet(claims: Claims<MyClaims>) -> String {
///     format!("{} is {}", claims.sub, claims.private.role)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Claims<P = ()> {
    /// Who issued the token (RFC 7519 §4.1.1).
    pub iss: String,
    /// Whom the token speaks of (RFC 7519 §4.1.2).
    pub sub: String,
    /// Whom the token is for (RFC 7519 §4.1.3).
    pub aud: Audience,
    /// When the token ends (RFC 7519 §4.1.4). It is refused from this time on.
    pub exp: Timestamp,
    /// When the token was issued (RFC 7519 §4.1.6).
    pub iat: Timestamp,
    /// From when on the token is good (RFC 7519 §4.1.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Timestamp>,
    /// The token's own identifier (RFC 7519 §4.1.7).
    pub jti: String,
    /// The OAuth client that the token was issued to (RFC 8693 §4.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the token allows (RFC 8693 §4.2).
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The session behind the token, where there is one; see
    /// [`session_id`](Self::session_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The generation of the refresh token that was handed out beside this one. It is never a
    /// validity check: it only tells the server which refresh token the client holds.
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// When the user last proved who they are (RFC 9068 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// The application's own claims.
    #[serde(flatten)]
    pub private: P,
}

impl<P> Claims<P> {
    /// The session behind the token, where `sid` is one of this crate's.
    pub fn session_id(&self) -> Option<SessionId> {
        self.sid.as_deref()?.parse().ok()
    }

    /// The same registered claims with other private ones.
    pub fn with_private<Q>(self, private: Q) -> Claims<Q> {
        Claims {
            iss: self.iss,
            sub: self.sub,
            aud: self.aud,
            exp: self.exp,
            iat: self.iat,
            nbf: self.nbf,
            jti: self.jti,
            client_id: self.client_id,
            scope: self.scope,
            sid: self.sid,
            generation: self.generation,
            auth_time: self.auth_time,
            private,
        }
    }
}

/// An access token that a [`Verifier`](crate::Verifier) accepted. Cheap to clone.
///
/// The layer puts one into the extensions of each request that it lets through.
///
/// ```
/// use tower_bearer::VerifiedToken;
///
/// fn who(request: &http::Request<()>) -> Option<&str> {
///     let token = request.extensions().get::<VerifiedToken>()?;
///     Some(&token.claims().sub)
/// }
/// ```
#[derive(Clone)]
pub struct VerifiedToken(Arc<Verified>);

struct Verified {
    claims: Claims,
    private: Map<String, Value>,
}

impl VerifiedToken {
    pub(crate) fn new(claims: Claims, private: Map<String, Value>) -> Self {
        Self(Arc::new(Verified { claims, private }))
    }

    /// The registered claims.
    pub fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// The registered claims and the application's own.
    ///
    /// # Errors
    ///
    /// Where the token's other members do not fit `P`.
    pub fn claims_as<P: DeserializeOwned>(&self) -> Result<Claims<P>, PrivateClaimsError> {
        let private = json::from_members(&self.0.private).map_err(PrivateClaimsError)?;
        Ok(self.0.claims.clone().with_private(private))
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedToken")
            .field(&self.0.claims.sub)
            .finish()
    }
}

/// The token's private members do not have the shape that the application asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's private claims do not fit the type that was asked for")]
pub struct PrivateClaimsError(#[source] pub(crate) serde_json::Error);

/// Identifies a session: the `sid` claim, a UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// The session with this UUID.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The UUID.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for SessionId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<SessionId> for Uuid {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    /// Reads the hyphenated form only.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let id: uuid::fmt::Hyphenated = s.parse()?;
        Ok(Self(id.into_uuid()))
    }
}

/// A set of OAuth scope tokens (RFC 6749 §3.3). Case-sensitive; the order does not matter.
///
/// ```
/// use tower_bearer::Scope;
///
/// let granted: Scope = "read write".parse()?;
/// assert!(granted.contains("read"));
/// assert!(!granted.contains("READ"));
/// assert!("write".parse::<Scope>()?.is_subset(&granted));
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope(String);

impl Scope {
    /// No scope at all.
    pub const fn empty() -> Self {
        Self(String::new())
    }

    /// Whether there is no scope token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scope tokens, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether the scope token is in it.
    pub fn contains(&self, token: &str) -> bool {
        self.iter().any(|held| held == token)
    }

    /// Whether each of its scope tokens is in `other` too.
    pub fn is_subset(&self, other: &Self) -> bool {
        let held: HashSet<&str> = other.iter().collect();
        self.iter().all(|token| held.contains(token))
    }

    /// Adds the scope tokens of `other` that it lacks.
    #[must_use]
    pub fn union(self, other: &Self) -> Self {
        let mut seen = HashSet::new();
        let tokens = self.iter().chain(other.iter());
        let tokens: Vec<&str> = tokens.filter(|token| seen.insert(*token)).collect();
        Self(tokens.join(" "))
    }

    /// The space-separated form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.is_subset(other) && other.is_subset(self)
    }
}

impl Eq for Scope {}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = ConfigError;

    /// Reads space-separated scope tokens.
    ///
    /// # Errors
    ///
    /// On a character that RFC 6749 §3.3 does not allow in a scope token.
    fn from_str(s: &str) -> Result<Self, ConfigError> {
        let allowed = |b: u8| matches!(b, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if s.bytes().all(allowed) {
            Ok(Self::empty().union(&Self(s.to_owned())))
        } else {
            Err(ConfigError::new(crate::error::ConfigErrorKind::Scope))
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Whom a token is for: one recipient or several (RFC 7519 §4.1.3). Compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single recipient.
    One(String),
    /// Any of these recipients.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `recipient` is one of those whom the token is for.
    pub fn contains(&self, recipient: &str) -> bool {
        match self {
            Self::One(one) => one == recipient,
            Self::Many(many) => many.iter().any(|one| one == recipient),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of 16 KiB may hold five thousand of them, from anyone.
    #[test]
    fn a_scope_of_many_tokens_is_read_in_no_time() {
        let text: Vec<String> = (0..200_000).map(|token| token.to_string()).collect();
        let scope: Scope = text.join(" ").parse().unwrap();
        assert!(scope.is_subset(&scope));
        assert_eq!(scope.iter().count(), 200_000);
    }

    #[test]
    fn a_scope_is_a_set() {
        let scope: Scope = " b a  b ".parse().unwrap();
        assert_eq!(scope.as_str(), "b a");
        assert_eq!(scope, "a b".parse().unwrap());
        assert_eq!(scope.union(&"c a".parse().unwrap()).as_str(), "b a c");
    }
}
