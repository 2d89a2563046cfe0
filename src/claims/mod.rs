//! What an access token says: [`Claims`], [`Scope`], [`Audience`] (RFC 7519, RFC 9068).

use serde::Serialize;

use crate::clock::Timestamp;

mod audience;
mod private;
#[cfg(feature = "_jws")]
mod read;
mod scope;
mod session_id;
#[cfg(feature = "_jws")]
mod verified;

pub use audience::Audience;
pub use private::{PrivateClaims, PrivateClaimsError};
#[cfg(feature = "_jws")]
pub(crate) use read::read;
pub use scope::{Scope, ScopeError};
pub use session_id::SessionId;
#[cfg(feature = "_jws")]
pub(crate) use verified::Content;
#[cfg(feature = "_jws")]
pub use verified::VerifiedToken;

/// Names that the application's own claims may not have. [`Issuer::sign`](crate::Issuer::sign)
/// refuses claims that have one.
///
/// 1. The members of [`Claims`].
/// 2. Names by which other specifications make a resource server accept or refuse a token, or tell
///    who holds it. This crate gives no meaning to them yet; they are reserved, so that a later
///    version can, and no application's claim is then taken for something else: `acr` and `amr`
///    (RFC 9068 §2.2.1), `cnf` (RFC 7800), `act` and `may_act` (RFC 8693 §4), `authorization_details`
///    (RFC 9396 §9.1), `azp` and `nonce` (OpenID Connect Core §2).
///
/// The list may grow in a minor version by names of the IANA registry "JSON Web Token Claims", but
/// never by those that say something of the user and which only the application can fill: `roles`,
/// `groups` and `entitlements` (RFC 9068 §2.2.3.1), `name`, `email` and the like (§2.2.2).
///
/// A token of another issuer may have names of the second kind. They are read as private claims
/// are, by [`VerifiedToken::claims_as`].
pub const REGISTERED: &[&str] = &[
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
    "acr",
    "amr",
    "cnf",
    "act",
    "may_act",
    "authorization_details",
    "azp",
    "nonce",
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
