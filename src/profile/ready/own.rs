//! Servers that people run themselves, and libraries, which do not follow RFC 9068.

use crate::profile::{Discriminator, TokenProfile};

impl TokenProfile {
    /// The JWTs of better-auth's `jwt` plugin, which say who is signed in
    /// (<https://www.better-auth.com/docs/plugins/jwt>). The access tokens of its OAuth server are another
    /// profile: [`better_auth`](Self::better_auth).
    ///
    /// They have no `typ`. What tells them from ID tokens of the same keys is `id`, a field of the user that
    /// the plugin writes unless its `definePayload` leaves it out. Issuer and audience are both the base URL,
    /// or what is configured. Keys are EdDSA unless configured otherwise, at `/api/auth/jwks`; there is no
    /// discovery.
    ///
    /// What is weaker than RFC 9068: there is no client, no scope and no identifier, and each API of the
    /// application takes the same tokens.
    pub fn better_auth_session() -> Self {
        Self::jwt(Discriminator::present("id")).client_claims::<&str>([])
    }

    /// Access tokens of Ory Hydra with the strategy `jwt`
    /// (<https://www.ory.com/docs/oauth2-oidc/jwt-access-token>). By default they are opaque.
    ///
    /// `typ` is `JWT`. The client `client_id` tells them from ID tokens, which have `rat` instead. The scope is
    /// the list `scp`, or `scope` if `strategies.jwt.scope_claim` says so. The audience is what the client asked for
    /// and is allowed to have; tokens without one are refused. The issuer is as configured, often with a final slash;
    /// the keys are at `/.well-known/jwks.json`, RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`.
    pub fn hydra() -> Self {
        Self::jwt(Discriminator::present("client_id"))
            .discriminator(Discriminator::absent(["rat"]))
            .require_client()
            .scope_claims(["scp", "scope"])
    }

    /// Access tokens of Keycloak (<https://www.keycloak.org/docs/latest/server_admin/>), with and without the
    /// setting *Use "at+jwt" as access token header type* of a client.
    ///
    /// The claim `typ` is `Bearer`, or `DPoP` for tokens that are bound to a key; those of ID, refresh and
    /// logout tokens are `ID`, `Refresh`, `Offline` and `Logout`. The client is `azp`.
    /// [Roles](crate::VerifiedToken::roles) are those of the realm, `realm_access.roles`; those of a client are
    /// `resource_access.CLIENT.roles`. A token names the API as its audience only if an audience mapper is
    /// set up for the client or its scopes. The issuer is `https://HOST/realms/REALM`, and its keys are at
    /// `/protocol/openid-connect/certs` below that, RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by the header, but by a claim of Keycloak's own.
    pub fn keycloak() -> Self {
        Self::jwt(Discriminator::claim_in("typ", ["Bearer", "DPoP"]))
            .client_claims(["azp", "client_id"])
            .require_client()
            .role_claims(["realm_access.roles"])
    }

    /// Access tokens of LemonLDAP::NG that are JWTs, which is an option of each relying party
    /// (<https://lemonldap-ng.org/documentation/latest/idpopenidconnect.html>).
    ///
    /// `typ` is `JWT` in old versions and `at+JWT` in newer ones. `client_id` and `jti` tell them from ID
    /// tokens, which have neither. The audience is the client and what is added to it in the settings of the relying
    /// party: add the API there. The issuer is the portal's URL, with its final slash; the keys are at
    /// `/oauth2/jwks`, without `alg`: RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`.
    pub fn lemonldap_ng() -> Self {
        Self::jwt(Discriminator::present("client_id"))
            .discriminator(Discriminator::present("jti"))
            .require_client()
    }

    /// Access tokens of users of canaille
    /// (<https://canaille.readthedocs.io/en/latest/development/specifications.html>).
    ///
    /// They are made like ID tokens, with the client as audience; `typ` is `JWT`. What tells an ID token is
    /// only that it has `at_hash`, or `nonce` where none can be computed. So the audience is the clients whose tokens
    /// are accepted. Tokens have a subject only if the client asked for the scope `openid`; others are
    /// refused. The issuer ends in `/`. RSA keys have no `alg`; tokens seen were signed with RS512.
    ///
    /// What is weaker than RFC 9068, and **dangerous**: nearly all. An ID token without these two claims passes as
    /// an access token. There is no client, no scope and no identifier, and the API is not named.
    pub fn danger_canaille() -> Self {
        Self::jwt(Discriminator::absent(["at_hash", "nonce"])).client_claims::<&str>([])
    }

    /// Access tokens of the test double oauth2-mock-server
    /// (<https://github.com/axa-group/oauth2-mock-server>).
    ///
    /// They have no audience, no client and no identifier. `scope` tells them from its ID tokens. Tokens of the grant
    /// `client_credentials` have no subject and are refused. The issuer is `http://localhost:PORT`; keys are RS256.
    ///
    /// It is **dangerous** and only for tests: whoever asks that server gets any token.
    pub fn danger_oauth2_mock_server() -> Self {
        Self::jwt(Discriminator::present("scope")).danger_accept_any_audience()
    }

    /// Access tokens of Zitadel with the token type JWT
    /// (<https://zitadel.com/docs/apis/openidoauth/claims>). By default they are opaque.
    ///
    /// `typ` is `JWT`. They are told from ID tokens by `jti` and `nbf`, which no ID token has, and a token
    /// with `at_hash`, which only ID tokens have, is refused. The audience of both is the clients of the project,
    /// and the project itself if the client asks for the scope
    /// `urn:zitadel:iam:org:project:id:PROJECT:aud`: configure the project. The client is `client_id`, or
    /// `azp`. [Roles](crate::VerifiedToken::roles) are the names in `urn:zitadel:iam:org:project:roles`. The
    /// issuer is `https://DOMAIN`, and its keys are at `/oauth/v2/keys`, RS256.
    ///
    /// What is weaker than RFC 9068: the type is not told by `typ`, and the documents tell the claims, but not what
    /// an ID token never has: that is read from the source of its library, version 3.
    pub fn zitadel() -> Self {
        Self::jwt(Discriminator::present("jti"))
            .discriminator(Discriminator::present("nbf"))
            .client_claims(["client_id", "azp"])
            .role_claims(["urn:zitadel:iam:org:project:roles"])
    }
}
