//! [`TokenProfile`]: how the access tokens of a provider differ from RFC 9068.
//!
//! RFC 9068 is the default, and [`Verifier`](crate::Verifier) is strict about it. Most providers write
//! access tokens of another shape, and a profile says of which one:
//!
//! 1. **The type.** Only `typ: at+jwt` is accepted, unless the profile opens it. A profile that takes
//!    `JWT` or no `typ` must say what else tells an access token from an ID token, by a
//!    [`Discriminator`], and refuses tokens with `nonce`, `at_hash`, `c_hash` or `s_hash`, which only
//!    ID tokens have (OpenID Connect Core §3.1.3.6, §3.3.2.11).
//! 2. **The claims.** `iss`, `exp` and `iat` are always required and always checked. The profile names
//!    the claims that hold the client, the scope, the subject, the token's identifier, the session, the
//!    roles and the tenant.
//! 3. **The audience** is always compared with what the API is configured for: `aud` or, where a token
//!    has none, the claim that the profile names.
//! 4. **Names of this crate** mean nothing in a token of another shape: a claim `gen` is one of the
//!    issuer's own, and one of `sid`, `auth_time` or `acr` that has another form is left among the
//!    private claims. `cnf` is always read: a binding that cannot be read refuses the token.
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

mod discriminator;
mod read;
mod shape;

pub use discriminator::Discriminator;
use shape::{Shape, names};

use crate::{claims::Content, error::TokenError, jws::Header};

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
    /// The claims are those of RFC 9068, of which only `iss`, `exp` and `iat` are required.
    pub fn jwt(discriminator: Discriminator) -> Self {
        Self(Arc::new(Shape::jwt(discriminator)))
    }

    /// Requires one more thing that tells an access token from other tokens.
    #[must_use]
    pub fn discriminator(self, discriminator: Discriminator) -> Self {
        self.reshaped(|shape| shape.discriminators.push(discriminator))
    }

    /// The claims that may hold the identifier of the OAuth client. The first that a token has is
    /// [`Claims::client_id`](crate::Claims::client_id). Default: `client_id`.
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
    /// A dot leads into an object: `realm_access.roles`.
    #[must_use]
    pub fn scope_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.scope = claims)
    }

    /// The claims that may hold the subject. The first that a token has is
    /// [`Claims::sub`](crate::Claims::sub). A token without one is about its client itself (RFC 9068
    /// §2.2), and is refused if it names none. Default: `sub`.
    #[must_use]
    pub fn subject_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.subject = claims)
    }

    /// The claims that may hold the token's own identifier. The first that a token has is
    /// [`Claims::jti`](crate::Claims::jti). Default: `jti`.
    #[must_use]
    pub fn token_id_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.token_id = claims)
    }

    /// The claims that may hold the session. The first that a token has is
    /// [`Claims::sid`](crate::Claims::sid). Default: `sid`.
    #[must_use]
    pub fn session_claims<N: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = N>,
    ) -> Self {
        let claims = names(claims);
        self.reshaped(|shape| shape.session = claims)
    }

    /// The claim that has to name the tenant of a token, for issuers whose address contains the
    /// tenant; see [`TrustedIssuer::of_tenants`](crate::TrustedIssuer::of_tenants).
    #[must_use]
    pub fn tenant_claim(self, claim: impl Into<Cow<'static, str>>) -> Self {
        let claim = claim.into();
        self.reshaped(|shape| shape.tenant = Some(claim))
    }

    /// The claim that takes the place of `aud` in tokens that have none. Its value is compared with
    /// the audience of the API, and is [`Claims::aud`](crate::Claims::aud) then.
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
        self.0.types.include(header)
    }

    /// Reads the claims of a payload that is signed by the issuer.
    pub(crate) fn read(&self, payload: &[u8]) -> Result<Arc<Content>, TokenError> {
        self.0.read(payload)
    }

    pub(crate) fn takes_any_audience(&self) -> bool {
        self.0.any_audience
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }
}
