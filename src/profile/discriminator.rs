use std::borrow::Cow;

use serde_json::{Map, Value};

/// What tells an access token from an ID token of the same issuer and key, where `typ` does not
/// (RFC 8725 §2.8 and §3.12).
///
/// ```
/// use tower_bearer::profile::{Discriminator, TokenProfile};
///
/// // As Amazon Cognito does it.
/// let profile = TokenProfile::jwt(Discriminator::claim("token_use", "access"));
/// # let _ = profile;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Discriminator(Mark);

#[derive(Clone, Debug, PartialEq)]
enum Mark {
    Claim(Cow<'static, str>, Value),
    Present(Cow<'static, str>),
    Absent(Vec<Cow<'static, str>>),
    Audience,
}

impl Discriminator {
    /// A claim that has this value in access tokens, and no other.
    pub fn claim(name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self(Mark::Claim(name.into(), value.into()))
    }

    /// A claim that each access token has, and no ID token.
    pub fn present(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Mark::Present(name.into()))
    }

    /// Claims that no access token has, and each ID token has one of.
    pub fn absent<N: Into<Cow<'static, str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(Mark::Absent(names.into_iter().map(Into::into).collect()))
    }

    /// The audience itself: access tokens name the API, and an ID token names the client that it is
    /// for (OpenID Connect Core §2). Use it only where no client of the issuer has the audience of
    /// this API as its identifier.
    pub fn audience() -> Self {
        Self(Mark::Audience)
    }

    /// Whether a token with these claims is an access token, as far as this tells.
    pub(super) fn is_met(&self, claims: &Map<String, Value>) -> bool {
        match &self.0 {
            Mark::Claim(name, value) => claims.get(name.as_ref()) == Some(value),
            Mark::Present(name) => claims.contains_key(name.as_ref()),
            Mark::Absent(names) => !names.iter().any(|name| claims.contains_key(name.as_ref())),
            Mark::Audience => true,
        }
    }
}
