//! [`TokenProfile`]: how the access tokens of a provider differ from RFC 9068.
//!
//! RFC 9068 is the default, and [`Verifier`](crate::Verifier) is strict about it. Most providers write
//! access tokens of another shape, and a profile says of which one:
//!
//! 1. **The type.** Only `typ: at+jwt` is accepted, unless the profile opens it. A profile that takes
//!    `JWT` or no `typ` must say what else tells an access token from an ID token, by a
//!    [`Discriminator`]. It refuses tokens with `nonce`, `at_hash`, `c_hash` or `s_hash`, which only
//!    ID tokens have (OpenID Connect Core §3.1.3.6, §3.3.2.11), and with `events`, which logout tokens
//!    have (RFC 8417 §2.2).
//! 2. **The claims.** `iss`, `exp`, `iat` and a subject are always required, and `iss`, `exp`, `iat`
//!    and `nbf` always checked. The profile names the claims that hold the client, the scope, the
//!    subject, the token's identifier, the session, the roles and the tenant. If one that names who the
//!    token is about, or whose it is, cannot be read, the token is refused.
//! 3. **The audience** is always compared with what the API is configured for: `aud` or, where a token
//!    has none, the claim that the profile names.
//! 4. **The tenant**, where the profile names its claim, has to be the one that `iss` names.
//! 5. **Names of this crate** mean nothing in a token of another shape: a claim `gen` is one of the
//!    issuer's own, and one of `sid`, `auth_time`, `acr`, `amr`, `groups` or `entitlements` that has another form is
//!    left among the private claims. `cnf` and `act` are always read: a binding or an actor that cannot be read
//!    refuses the token.
//!
//! The profiles of many providers are ready, each as a constructor of [`TokenProfile`], and
//! [by name](TokenProfile::named) for a configuration file. The manual
//! [has a table](https://docs.rs/tower-bearer/latest/tower_bearer/manual/providers/index.html) of them.
//! Whatever else a provider writes is described in a few lines:
//!
//! ```
//! use tower_bearer::profile::{Discriminator, TokenProfile};
//!
//! // A provider that writes `typ: JWT`, the client as `azp`, and `scp` as a list.
//! let profile = TokenProfile::jwt(Discriminator::claim("token_type", "access"))
//!     .client_claims(["azp"])
//!     .scope_claims(["scp"]);
//! # let _ = profile;
//! ```

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

mod discriminator;
mod read;
mod ready;
mod shape;

pub use discriminator::{ClaimValue, Discriminator};
use shape::{Shape, StandIn, names};

use crate::{
    claims::{Content, RoleClaims, Scope},
    error::TokenError,
    jws::Header,
    trace,
};

/// How access tokens look, and where their claims are. It is cheap to clone. See
/// [the module](self).
#[derive(Clone, Debug)]
pub struct TokenProfile(Arc<Shape>);

impl Default for TokenProfile {
    /// RFC 9068.
    fn default() -> Self {
        Self::rfc9068()
    }
}

impl TokenProfile {
    /// RFC 9068, strictly: `typ: at+jwt`, and all of `iss`, `sub`, `aud`, `exp`, `iat`, `jti` and
    /// `client_id`, each of the right type. This is what an [`Issuer`](crate::Issuer) writes.
    pub fn rfc9068() -> Self {
        Self(Arc::new(Shape::rfc9068()))
    }

    /// JWTs of any type that access tokens have in practice: `at+jwt`, `JWT`, or no `typ`. What tells
    /// them from ID tokens is the `discriminator`, and more of them can be
    /// [added](Self::discriminator).
    ///
    /// Any other `typ` is refused.
    ///
    /// The claims are those of RFC 9068, of which only `iss`, `sub`, `exp` and `iat` are required, and an
    /// audience.
    pub fn jwt(discriminator: Discriminator) -> Self {
        Self(Arc::new(Shape::jwt(discriminator)))
    }

    /// Requires one more thing that tells an access token from other tokens. All discriminators of a
    /// profile have to be met.
    #[must_use]
    pub fn discriminator(self, discriminator: Discriminator) -> Self {
        self.reshaped(|shape| shape.discriminators.push(discriminator))
    }

    /// The claims that may hold the identifier of the OAuth client. The first that a token has is
    /// [`Claims::client_id`](crate::Claims::client_id). If it is no text, or empty, the token is refused.
    /// Default: `client_id`.
    #[must_use]
    pub fn client_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.client = claims)
    }

    /// Refuses tokens that name no client.
    #[must_use]
    pub fn require_client(self) -> Self {
        self.reshaped(|shape| shape.client_required = true)
    }

    /// The claims that hold scope tokens: a text with spaces between them (RFC 8693 §4.2) or a list of
    /// texts. All that a token has make up [`Claims::scope`](crate::Claims::scope). What cannot be a
    /// scope token (RFC 6749 §3.3) is left out. Default: `scope`.
    ///
    /// A dot leads into an object, as in `realm_access.roles`, unless it is a part of the claim's name.
    /// The claims themselves stay among the private ones as they are, except for `scope`.
    #[must_use]
    pub fn scope_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.scope = claims)
    }

    /// The claims that may hold the subject. The first that a token has is
    /// [`Claims::sub`](crate::Claims::sub). If it is no text, or empty, the token is refused, and so is a
    /// token that has none of them. Default: `sub`.
    ///
    /// Some issuers write no `sub` where a client acts for itself (RFC 9068 §2.2 wants one). Name the
    /// claim of the client last to take that instead, but only if no user can have the name of a client.
    ///
    /// The answer of an introspection that has none of them is about its client, unless it has a `username`:
    /// then it is refused. Name `username` last if the server writes no other subject (Django OAuth Toolkit
    /// and others do not), users cannot change their names, and no name is given to another user later.
    #[must_use]
    pub fn subject_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.subject = claims)
    }

    /// The claims that may hold the token's own identifier. The first that a token has is
    /// [`Claims::jti`](crate::Claims::jti). If it is no text, or empty, the token is refused.
    /// Default: `jti`.
    #[must_use]
    pub fn token_id_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.token_id = claims)
    }

    /// The claims that may hold the session. The first that is a text is
    /// [`Claims::sid`](crate::Claims::sid). Default: `sid`.
    #[must_use]
    pub fn session_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.session = claims)
    }

    /// The claims that hold the [roles](crate::Claims::roles): a text, which is one role, a list
    /// of texts or of objects with a `value`, or an object whose names are roles, as far as they hold an object or `true`. Default:
    /// `roles` (RFC 9068 §2.2.3.1).
    ///
    /// A dot leads into an object, as in [`scope_claims`](Self::scope_claims). With no claim,
    /// `role_claims::<&str>([])`, tokens have no roles.
    ///
    /// ```
    /// use tower_bearer::TokenProfile;
    ///
    /// // The roles of Keycloak that belong to the client `my.api`.
    /// let profile = TokenProfile::keycloak().role_claims(["resource_access.my.api.roles"]);
    /// # let _ = profile;
    /// ```
    #[must_use]
    pub fn role_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = RoleClaims::new(claims.into_iter().map(Into::into));
        self.with(|shape| shape.roles = claims)
    }

    /// The claim that has to name the tenant of a token, for issuers whose address contains the
    /// tenant. A token is refused if the claim is missing, or names another tenant than its issuer
    /// does; see [`TrustedIssuer::of_tenants`](crate::TrustedIssuer::of_tenants).
    #[must_use]
    pub fn tenant_claim(self, claim: impl Into<Cow<'static, str>>) -> Self {
        let claim = claim.into();
        self.reshaped(|shape| shape.tenant = Some(claim))
    }

    /// The claim that takes the place of `aud` in tokens that have none. Its value is compared with
    /// the audience of the API, and is [`Claims::aud`](crate::Claims::aud) then. If it names the client,
    /// list the clients as audiences: a client's tokens for other APIs are accepted then too.
    #[must_use]
    pub fn audience_or(self, claim: impl Into<Cow<'static, str>>) -> Self {
        let claim = claim.into();
        self.reshaped(|shape| shape.audience = Some(claim))
    }

    /// Accepts tokens whoever they are meant for.
    ///
    /// This is dangerous: a token that the issuer has given out for another API is accepted too
    /// (RFC 8725 §3.9). It is for issuers that write no audience and have a key set for each client.
    #[must_use]
    pub fn danger_accept_any_audience(self) -> Self {
        self.reshaped(|shape| shape.any_audience = true)
    }

    /// The same tokens, whoever they are meant for, as their own issuer takes them.
    #[cfg(feature = "session")]
    pub(crate) fn for_any_audience(self) -> Self {
        self.with(|shape| shape.any_audience = true)
    }

    /// The same tokens of a program that names no issuer, for any audience: they are taken for those of
    /// `issuer`, and allow no more than `scope`. Nothing else of weight is believed, as their key may be weak.
    pub(crate) fn of_another_program(self, issuer: String, scope: Scope) -> Self {
        self.reshaped(|shape| {
            shape.stand_in = Some(StandIn { issuer, scope });
            shape.any_audience = true;
            // What such a token calls a session is none of this crate's.
            (shape.session, shape.client) = (Vec::new(), Vec::new());
            (shape.client_required, shape.roles) = (false, RoleClaims::new([]));
        })
    }

    /// Accepts tokens without `client_id`, for issuers that follow RFC 9068 in all but that. If a
    /// token has a `client_id`, it must still be a string that is not empty.
    #[must_use]
    pub fn danger_allow_missing_client_id(self) -> Self {
        self.with(|shape| shape.client_required = false)
    }

    /// Changes where the claims are, so that they are no longer read as RFC 9068 has them.
    fn reshaped(self, change: impl FnOnce(&mut Shape)) -> Self {
        self.with(|shape| {
            shape.is_rfc9068 = false;
            change(shape);
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Shape)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Whether a token may have the type that its header names.
    pub(crate) fn has_type(&self, header: &Header) -> bool {
        let is_included = self.0.types.include(header);
        if !is_included {
            trace::debug!(
                expected = self.0.types.text(),
                has_typ = !header.is_without_type(),
                "a token has another typ than the profile takes"
            );
        }
        is_included
    }

    /// Reads the claims of a payload that is signed by the issuer.
    pub(crate) fn read(&self, payload: &[u8]) -> Result<Arc<Content>, TokenError> {
        self.0.read(payload)
    }

    /// Reads claims that did not come in a token, but in the answer of a server that was asked about one.
    #[cfg_attr(not(feature = "remote"), allow(dead_code))] // only an introspection gets such answers
    pub(crate) fn read_members(&self, members: Map<String, Value>) -> Result<Content, TokenError> {
        self.0.read_members(members)
    }

    pub(crate) fn takes_any_audience(&self) -> bool {
        self.0.any_audience
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }
}
