//! Providers that follow RFC 9068.

use crate::profile::TokenProfile;

impl TokenProfile {
    /// Access tokens of panva's oidc-provider, in its format `jwt`
    /// (<https://github.com/panva/node-oidc-provider/blob/main/docs/README.md#featuresresourceindicators>).
    ///
    /// They are [RFC 9068](Self::rfc9068), and nothing is weakened. A token is a JWT if its resource server
    /// has `accessTokenFormat: 'jwt'`; all others are opaque. The audience is the resource that the client
    /// asked for. The issuer is as configured. Its RSA keys often have no `alg`: RS256, unless
    /// `jwt.sign.alg` says otherwise.
    pub fn oidc_provider() -> Self {
        Self::rfc9068()
    }

    /// Access tokens of better-auth's `oauth-provider`
    /// (<https://www.better-auth.com/docs/plugins/oauth-provider>).
    ///
    /// They are [RFC 9068](Self::rfc9068), and nothing is weakened. A token is a JWT if the client sent
    /// `resource`, which is its audience beside the address of the UserInfo endpoint. The issuer is the base
    /// URL with `/api/auth`; keys are EdDSA unless configured otherwise, at `/api/auth/jwks`.
    pub fn better_auth() -> Self {
        Self::rfc9068()
    }

    /// Access tokens of Logto (<https://docs.logto.io/authorization/validate-access-tokens>).
    ///
    /// They are [RFC 9068](Self::rfc9068), and nothing is weakened. That they have `typ: at+jwt` is
    /// concluded from Logto being built upon oidc-provider: its documents do not say it. A token is a JWT
    /// if the client sent `resource`, which is its audience. The issuer is `https://TENANT.logto.app/oidc`,
    /// its keys, usually ES384, are at `/oidc/jwks`.
    pub fn logto() -> Self {
        Self::rfc9068()
    }

    /// Access tokens of Auth0 in the dialects `rfc9068_profile` and `rfc9068_profile_authz`
    /// (<https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles>). This is the dialect to
    /// choose; the default one is [`auth0`](Self::auth0).
    ///
    /// They are [RFC 9068](Self::rfc9068), and nothing is weakened. The audience is the identifier of the
    /// API. The issuer is `https://TENANT.REGION.auth0.com/`, **with** the final slash; the keys are at
    /// `/.well-known/jwks.json`, RS256. [Roles](crate::VerifiedToken::roles) are the `permissions` of the
    /// user.
    pub fn auth0_rfc9068() -> Self {
        Self::rfc9068().role_claims(["permissions"])
    }

    /// Access tokens of glewlwyd's OpenID Connect plugin
    /// (<https://github.com/babelouest/glewlwyd/blob/master/docs/OIDC.md#access-token-format>).
    ///
    /// They are [RFC 9068](Self::rfc9068), and nothing is weakened. But the audience is the scope as one text
    /// unless the plugin allows `resource` and the client sends it: then it is that resource. Allow it, because
    /// a scope says nothing of the API. The issuer is as configured; keys have an `alg`.
    pub fn glewlwyd() -> Self {
        Self::rfc9068()
    }

    /// Access tokens of Authlib's `JWTBearerTokenGenerator`
    /// (<https://docs.authlib.org/en/latest/specs/rfc9068.html>).
    ///
    /// They are [RFC 9068](Self::rfc9068), and nothing is weakened. The audience is what the server's
    /// `get_audiences` returns, or else the client: then list the clients as audiences. RSA keys have
    /// no `alg`: RS256 unless the generator was told otherwise. There is no discovery: give the address of
    /// the keys.
    pub fn authlib() -> Self {
        Self::rfc9068()
    }
}
