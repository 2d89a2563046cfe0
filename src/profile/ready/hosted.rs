//! Providers that are a service.

use crate::profile::{Discriminator, TokenProfile};

impl TokenProfile {
    /// Access tokens of Auth0 in its default dialects `access_token` and `access_token_authz`
    /// (<https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles>). Auth0 can write
    /// [RFC 9068](Self::auth0_rfc9068) instead.
    ///
    /// `typ` is `JWT`. What tells them from ID tokens is the client, `azp`, beside the audience: that of an
    /// ID token is a client, and never the identifier of an API. The scope is `scope`.
    /// [Roles](crate::VerifiedToken::roles) are the `permissions` of the user, if the API has them added:
    /// they are not the scope, which may be less. The issuer is `https://TENANT.REGION.auth0.com/`, **with** the
    /// final slash; the keys are at `/.well-known/jwks.json`, RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`, and a token has no identifier. The documents
    /// do not say that no ID token has `azp`; the audience of the API must not be a client's identifier.
    pub fn auth0() -> Self {
        Self::jwt(Discriminator::present("azp"))
            .discriminator(Discriminator::audience())
            .client_claims(["azp"])
            .role_claims(["permissions"])
    }

    /// Session tokens of Clerk, version 2 (<https://clerk.com/docs/guides/sessions/session-tokens>).
    ///
    /// They have no `aud`: `azp` takes its place, which is the *origin* of the page that got the token. So
    /// configure the origins of your pages as audiences, such as `https://app.example`. What tells them from other
    /// tokens is `sid`, which those of Clerk's JWT templates and OAuth applications have not. A session whose
    /// user still has something to do (`sts: pending`) is refused, as Clerk's own libraries do.
    /// [Roles](crate::VerifiedToken::roles) are the user's role in the active organization, `o.rol`. The issuer is
    /// the Frontend API, such as `https://clerk.app.example`, and its keys are at `/.well-known/jwks.json`,
    /// RS256.
    ///
    /// What is weaker than RFC 9068: nothing in a token names the API, so that each API of the application
    /// takes the same tokens; there is no client and no scope. Tokens of native applications have no origin and
    /// are refused. The documents do not tell the header's `typ`.
    pub fn clerk() -> Self {
        Self::jwt(Discriminator::present("sid"))
            .discriminator(Discriminator::claim_or_absent("sts", "active"))
            .audience_or("azp")
            .role_claims(["o.rol"])
    }

    /// Access tokens of Amazon Cognito's user pools
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>).
    ///
    /// They have no `typ`; `token_use: access` tells them from ID tokens. They have an `aud` only if the
    /// client asked for a resource. Without it, the client takes its place: list the identifiers of the clients as
    /// audiences. [Roles](crate::VerifiedToken::roles) are `cognito:groups`. The issuer is
    /// `https://cognito-idp.REGION.amazonaws.com/POOL`, and its keys are at `/.well-known/jwks.json`, RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`. A token without `aud` is good at each API
    /// that lists its client, so let scopes that name the API tell them apart.
    pub fn cognito() -> Self {
        Self::jwt(Discriminator::claim("token_use", "access"))
            .require_client()
            .audience_or("client_id")
            .role_claims(["cognito:groups"])
    }

    /// ID tokens of Firebase and of Google's Identity Platform, which are what clients send to APIs there
    /// (<https://firebase.google.com/docs/auth/admin/verify-id-tokens>).
    ///
    /// The claim `firebase` tells them from tokens of other origin. The audience is the project, and the
    /// issuer is `https://securetoken.google.com/PROJECT`. The same keys sign for all projects:
    /// `https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com`, RS256.
    /// [Roles](crate::VerifiedToken::roles) are the custom claim `roles`, if there is one.
    ///
    /// What is weaker than RFC 9068: it **is an ID token**. It says who the user is, and not what a client
    /// may do: each application of the project gets the same one, and there is no client, no scope and no
    /// identifier. Tokens of anonymous users (`firebase.sign_in_provider`), of users whose address is not
    /// verified (`email_verified`) and of all tenants (`firebase.tenant`) pass: check those yourself.
    pub fn firebase() -> Self {
        Self::jwt(Discriminator::present("firebase.sign_in_provider"))
    }

    /// Access tokens of Okta's custom authorization servers
    /// (<https://developer.okta.com/docs/guides/validate-access-tokens/main/>). Those of the org
    /// authorization server are not for APIs: Okta says to treat them as opaque.
    ///
    /// They have no `typ`; the client `cid` tells them from ID tokens, which have none. The scope is the list
    /// `scp`, and [roles](crate::VerifiedToken::roles) are `groups`, if the authorization server is set up to add
    /// them. The audience is that of the authorization server, such as `api://default`, and the issuer
    /// `https://DOMAIN/oauth2/ID`. Its keys are at `/v1/keys` below that, RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`.
    pub fn okta() -> Self {
        Self::jwt(Discriminator::present("cid"))
            .client_claims(["cid"])
            .require_client()
            .scope_claims(["scp"])
            .role_claims(["groups"])
    }

    /// Access tokens of Supabase Auth (<https://supabase.com/docs/guides/auth/jwt-fields>).
    ///
    /// `typ` is `JWT`; `session_id` tells them from the keys `anon` and `service_role`, which are JWTs too.
    /// It is also [`Claims::sid`](crate::Claims::sid). The audience is `authenticated`, and
    /// [roles](crate::VerifiedToken::roles) are `role`, the one of the database. The issuer is
    /// `https://PROJECT.supabase.co/auth/v1`, and its keys are at `/.well-known/jwks.json` below that, ES256, or
    /// RS256. Projects that still sign with a shared secret (HS256) publish no key: change that, because
    /// whoever can verify such a token can make one.
    ///
    /// What is weaker than RFC 9068: the audience is the same in all projects and names no API, so that
    /// the issuer alone tells whose a token is; there is no scope, and a client only in tokens of
    /// Supabase's own OAuth clients. Anonymous users (`is_anonymous`) pass: check that yourself.
    pub fn supabase() -> Self {
        Self::jwt(Discriminator::present("session_id"))
            .session_claims(["session_id"])
            .role_claims(["role"])
    }

    /// Access tokens of WorkOS AuthKit's sessions
    /// (<https://workos.com/docs/reference/authkit/session-tokens>).
    ///
    /// They have no audience, and whatever they name instead is accepted. What keeps tokens of others out is the
    /// key set, which is one of your client: `https://api.workos.com/sso/jwks/CLIENT`. The issuer is
    /// `https://api.workos.com`, or another that your tokens show. What tells them from other tokens is `sid`.
    /// The scope is the user's `permissions`, since these sessions have no other;
    /// [roles](crate::VerifiedToken::roles) are `roles`, and `role` of older tokens. Keys are RS256.
    ///
    /// What is weaker than RFC 9068, and **dangerous**: each API of the client takes the same tokens. The documents
    /// do not tell the header's `typ`. If your tokens have a claim that names your API, build a profile that
    /// [compares it](Self::audience_or).
    pub fn danger_workos() -> Self {
        Self::jwt(Discriminator::present("sid"))
            .danger_accept_any_audience()
            .scope_claims(["permissions"])
            .role_claims(["roles", "role"])
    }
}
