//! Microsoft Entra ID.

use crate::profile::{Discriminator, TokenProfile};

impl TokenProfile {
    /// The template of issuers of [`entra`](Self::entra), for
    /// [`TrustedIssuer::of_tenants`](crate::TrustedIssuer::of_tenants).
    pub const ENTRA_ISSUER: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

    /// The template of issuers of [`entra_v1`](Self::entra_v1).
    pub const ENTRA_V1_ISSUER: &str = "https://sts.windows.net/{tenantid}/";

    /// Access tokens of Microsoft Entra ID in version 2.0, which an API gets whose registration has
    /// `requestedAccessTokenVersion: 2`
    /// (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>).
    ///
    /// 1. `typ` is `JWT`. What tells them from ID tokens is `ver: "2.0"` and `azpacr`, which says how the
    ///    client proved who it is. An ID token has no client and so no `azpacr`, but may well have the API's
    ///    identifier as its audience, where the API signs its users in by the same registration.
    /// 2. The issuer is `https://login.microsoftonline.com/TENANT/v2.0` with the tenant's GUID, and `tid`
    ///    has to name the same tenant. Several tenants are listed with
    ///    [`TrustedIssuer::of_tenants`](crate::TrustedIssuer::of_tenants). Never trust all of them:
    ///    everybody can open a tenant.
    /// 3. The audience is the GUID of the API's registration.
    /// 4. The client is `azp`, the scope `scp`, the token's identifier `uti`. Roles are `roles`: those of
    ///    the user or, where a client acts for itself, of the client. A token of that kind has no `scp`, so
    ///    that [`require_scope`](crate::bearer::BearerLayer::require_scope) refuses it.
    ///
    /// The keys are at `https://login.microsoftonline.com/TENANT/discovery/v2.0/keys`, or for several tenants at
    /// `https://login.microsoftonline.com/common/discovery/v2.0/keys`. They have no `alg`: RS256. Each names the
    /// issuers whose tokens it may sign, which is compared.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`. `sub` is another one in each API: the
    /// private claim `oid`, with `tid`, is the same in all.
    ///
    /// ```
    /// # use tower_bearer::{Algorithm, KeySet, SigningKey};
    /// use tower_bearer::{TokenProfile, TrustedIssuer, Verifier};
    ///
    /// # let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?).verifying();
    /// let tenants = ["72f988bf-86f1-41af-91ab-2d7cd011db47", "f8cdef31-a31e-4b4a-93e4-5f571e91255a"];
    /// let api = "6e74172b-be56-4843-9ff4-e66a39bb12e3";
    /// let entra = TrustedIssuer::of_tenants(TokenProfile::ENTRA_ISSUER, tenants, api, keys)?;
    /// let verifier = Verifier::trusting([entra.profile(TokenProfile::entra())])?;
    /// # let _ = verifier;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn entra() -> Self {
        Self::jwt(Discriminator::claim("ver", "2.0"))
            .discriminator(Discriminator::present("azpacr"))
            .client_claims(["azp"])
            .require_client()
            .microsoft()
    }

    /// Access tokens of Microsoft Entra ID in version 1.0, which an API gets whose registration has no
    /// `requestedAccessTokenVersion`
    /// (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>).
    ///
    /// As [`entra`](Self::entra), with these differences: the issuer is `https://sts.windows.net/TENANT/`,
    /// **with** the final slash; `ver` is `"1.0"`; the client is `appid`, and `appidacr` tells the tokens from
    /// ID tokens. The audience is the App ID URI (`api://…`) or the GUID: list both. The keys are at
    /// `https://login.microsoftonline.com/TENANT/discovery/keys`: those of `discovery/v2.0/keys` are bound to
    /// the issuers of version 2.0.
    pub fn entra_v1() -> Self {
        Self::jwt(Discriminator::claim("ver", "1.0"))
            .discriminator(Discriminator::present("appidacr"))
            .client_claims(["appid"])
            .require_client()
            .microsoft()
    }

    fn microsoft(self) -> Self {
        self.scope_claims(["scp"])
            .token_id_claims(["uti"])
            .tenant_claim("tid")
    }
}
