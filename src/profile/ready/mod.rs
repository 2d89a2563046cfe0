//! The profiles of providers, as they document their tokens. What each weakens, compared with RFC 9068,
//! is said at each.

use super::TokenProfile;

mod hosted;
mod microsoft;
mod own;
mod strict;

type Ready = fn() -> TokenProfile;

/// In the order of the manual's table.
const READY: [(&str, Ready); 23] = [
    ("rfc9068", TokenProfile::rfc9068),
    ("auth0", TokenProfile::auth0),
    ("auth0-rfc9068", TokenProfile::auth0_rfc9068),
    ("authlib", TokenProfile::authlib),
    ("better-auth", TokenProfile::better_auth),
    ("better-auth-session", TokenProfile::better_auth_session),
    ("canaille", TokenProfile::canaille),
    ("clerk", TokenProfile::clerk),
    ("cognito", TokenProfile::cognito),
    (
        "danger-oauth2-mock-server",
        TokenProfile::danger_oauth2_mock_server,
    ),
    ("danger-workos", TokenProfile::danger_workos),
    ("entra", TokenProfile::entra),
    ("entra-v1", TokenProfile::entra_v1),
    ("firebase", TokenProfile::firebase),
    ("glewlwyd", TokenProfile::glewlwyd),
    ("hydra", TokenProfile::hydra),
    ("keycloak", TokenProfile::keycloak),
    ("lemonldap-ng", TokenProfile::lemonldap_ng),
    ("logto", TokenProfile::logto),
    ("oidc-provider", TokenProfile::oidc_provider),
    ("okta", TokenProfile::okta),
    ("supabase", TokenProfile::supabase),
    ("zitadel", TokenProfile::zitadel),
];

const NAMES: [&str; READY.len()] = {
    let mut names = [""; READY.len()];
    let mut rest = READY.as_slice();
    let mut unnamed = names.as_mut_slice();
    while let ([(name, _), more @ ..], [place, others @ ..]) = (rest, unnamed) {
        *place = name;
        (rest, unnamed) = (more, others);
    }
    names
};

impl TokenProfile {
    /// The names that [`named`](Self::named) knows.
    pub const NAMES: &'static [&'static str] = &NAMES;

    /// The profile of this name, one of [`NAMES`](Self::NAMES), for a server that is configured by names.
    /// A name that begins with `danger-` is one of a profile that accepts tokens for other APIs.
    ///
    /// ```
    /// use tower_bearer::TokenProfile;
    ///
    /// assert!(TokenProfile::named("keycloak").is_some());
    /// assert!(TokenProfile::named("Keycloak").is_none());
    /// assert!(TokenProfile::NAMES.contains(&"rfc9068"));
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        let ready = READY.iter().find(|(known, _)| *known == name);
        ready.map(|(_, profile)| profile())
    }
}
