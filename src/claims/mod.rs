//! The claims of an access token: [`Claims`], [`Scope`], [`Audience`] (RFC 7519, RFC 9068).

use serde::Serialize;

use crate::clock::Timestamp;

mod actor;
mod attribute;
mod audience;
mod confirmation;
#[cfg(feature = "_jws")]
mod name;
mod private;
#[cfg(feature = "_jws")]
mod read;
#[cfg(feature = "_jws")]
mod roles;
mod scope;
mod session_id;
mod thumbprint;
#[cfg(feature = "_jws")]
mod verified;

pub use actor::{Actor, ActorError};
pub use attribute::AttributeValues;
pub use audience::Audience;
pub use confirmation::{Confirmation, ConfirmationError};
pub use private::{PrivateClaims, PrivateClaimsError};
#[cfg(feature = "_jws")]
pub(crate) use read::{bad_claim, read};
#[cfg(feature = "_jws")]
pub(crate) use roles::RoleClaims;
pub use scope::{Scope, ScopeError};
pub use session_id::SessionId;
pub use thumbprint::{KeyThumbprint, KeyThumbprintError};
#[cfg(feature = "_jws")]
pub(crate) use verified::Content;
#[cfg(feature = "_jws")]
pub use verified::VerifiedToken;

/// Names that the application's own claims may not have. [`Issuer::sign`](crate::Issuer::sign)
/// refuses claims that use one of them.
///
/// 1. The members of [`Claims`].
/// 2. Claims by which other specifications decide whether a resource server accepts a token, or who
///    holds it: `may_act` (RFC 8693 §4.4), `authorization_details` (RFC 9396 §9.1), `azp` and `nonce`
///    (OpenID Connect Core §2).
///    This crate does not use them yet. They are reserved so that a later version can use them
///    without a clash with an application's claims.
///
/// A minor version may add names from the IANA registry "JSON Web Token Claims". It never adds
/// names that describe the user and that only the application can fill: those of [`USER_ATTRIBUTES`], and
/// `name`, `email` and the like (RFC 9068 §2.2.2).
///
/// A token of another issuer may have names of the second kind. [`VerifiedToken::claims_as`] reads
/// them like private claims.
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
    "cnf",
    "acr",
    "amr",
    "act",
    "may_act",
    "authorization_details",
    "azp",
    "nonce",
];

/// Those of [`REGISTERED`] that are members of [`Claims`].
pub(crate) const MEMBERS: &[&str] = REGISTERED.split_at(16).0;

/// Claims that describe the user (RFC 9068 §2.2.3.1), which are members of [`Claims`] and may be private claims all the same.
///
/// As members of `Claims` they are read and written as [`AttributeValues`]. A type of the application's own may have them
/// as well, as it could before they were members. What it writes has to be in a form that can be read as
/// `AttributeValues`, so that a verifier which expects RFC 9068 accepts the token. And a token has but one of each:
/// [`Issuer::sign`](crate::Issuer::sign) refuses claims that have one both as a member and among the private ones.
pub const USER_ATTRIBUTES: &[&str] = &["roles", "groups", "entitlements"];

/// The claims of an access token (RFC 9068 §2.2), with the application's own claims as `P`.
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
    /// The user, or other subject, that the token is about (RFC 7519 §4.1.2).
    pub sub: String,
    /// The recipients of the token (RFC 7519 §4.1.3). It is empty if the token of another issuer names
    /// none; see [`TokenProfile`](https://docs.rs/tower-bearer/latest/tower_bearer/profile/struct.TokenProfile.html).
    pub aud: Audience,
    /// When the token expires (RFC 7519 §4.1.4). It is refused from this time on.
    pub exp: Timestamp,
    /// When the token was issued (RFC 7519 §4.1.6).
    pub iat: Timestamp,
    /// When the token becomes valid (RFC 7519 §4.1.5). It is refused before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Timestamp>,
    /// The token's own identifier (RFC 7519 §4.1.7). Only tokens that do not follow RFC 9068 may lack it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The OAuth client that the token was issued to (RFC 8693 §4.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the token allows (RFC 8693 §4.2).
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The identifier of the token's session, if it has one; see [`session_id`](Self::session_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The generation of the refresh token that was issued together with this token. It does not
    /// decide whether the token is valid: it only tells the server which refresh token the client
    /// has.
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// When the user last proved who they are (RFC 9068 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// How the user proved who they are (RFC 9068 §2.2.1), as an authentication context class (OpenID
    /// Connect Core §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what methods the user proved who they are (RFC 9068 §2.2.1), such as `pwd` and `otp` (RFC 8176 §2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Who acts for the user, if it is somebody else (RFC 8693 §4.1).
    /// [`require_no_actor`](https://docs.rs/tower-bearer/latest/tower_bearer/bearer/struct.BearerLayer.html#method.require_no_actor)
    /// keeps a route for the users themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The key that the token is bound to (RFC 7800 §3.1). A verifier does not check that the
    /// presenter holds it: [`BearerLayer`](https://docs.rs/tower-bearer/latest/tower_bearer/bearer/struct.BearerLayer.html)
    /// does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The roles of the user (RFC 9068 §2.2.3.1). A role is no scope: it says what the user may do, not what the user
    /// lets the client do.
    ///
    /// They are written into the claim `roles`, and read from the claims that the
    /// [profile](https://docs.rs/tower-bearer/latest/tower_bearer/profile/struct.TokenProfile.html#method.role_claims)
    /// of the token's issuer names.
    #[serde(skip_serializing_if = "AttributeValues::is_empty")]
    pub roles: AttributeValues,
    /// The groups that the user belongs to (RFC 9068 §2.2.3.1). Some issuers leave the claim out for a user of many
    /// groups, so that none does not always mean that there are none.
    #[serde(skip_serializing_if = "AttributeValues::is_empty")]
    pub groups: AttributeValues,
    /// What the user is entitled to (RFC 9068 §2.2.3.1).
    #[serde(skip_serializing_if = "AttributeValues::is_empty")]
    pub entitlements: AttributeValues,
    /// The application's own claims.
    #[serde(flatten)]
    pub private: P,
}

impl<P> Claims<P> {
    /// The identifier of the token's session, or `None` if `sid` is missing or is not one of this
    /// crate's.
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
            acr: self.acr,
            amr: self.amr,
            act: self.act,
            cnf: self.cnf,
            roles: self.roles,
            groups: self.groups,
            entitlements: self.entitlements,
            private,
        }
    }
}
