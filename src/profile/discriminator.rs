use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::json;

/// A value that a claim is compared with: a text, a number or a boolean. Its type counts too, so `2` is
/// not `"2"`.
///
/// ```
/// use tower_bearer::profile::Discriminator;
///
/// let versions = [
///     Discriminator::claim("ver", "2"),
///     Discriminator::claim("ver", 2),
///     Discriminator::claim("access", true),
/// ];
/// # let _ = versions;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimValue(Value);

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ClaimValue {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<i64> for ClaimValue {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

impl From<bool> for ClaimValue {
    fn from(truth: bool) -> Self {
        Self(truth.into())
    }
}

/// What tells an access token from an ID token of the same issuer and key, where `typ` does not
/// (RFC 8725 §2.8 and §3.12).
///
/// A name may lead into an object, as in [`TokenProfile::scope_claims`](super::TokenProfile::scope_claims).
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
    Claim(Cow<'static, str>, Vec<ClaimValue>),
    ClaimOrAbsent(Cow<'static, str>, ClaimValue),
    Present(Cow<'static, str>),
    Absent(Vec<Cow<'static, str>>),
    Audience,
}

impl Discriminator {
    /// A claim that has this value in access tokens, and no other.
    pub fn claim(name: impl Into<Cow<'static, str>>, value: impl Into<ClaimValue>) -> Self {
        Self::claim_in(name, [value])
    }

    /// A claim that has one of these values in access tokens, and no other.
    pub fn claim_in<V: Into<ClaimValue>>(
        name: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self(Mark::Claim(name.into(), values))
    }

    /// A claim that has this value where it is there at all. By itself it tells little: use it beside
    /// another discriminator.
    pub fn claim_or_absent(
        name: impl Into<Cow<'static, str>>,
        value: impl Into<ClaimValue>,
    ) -> Self {
        Self(Mark::ClaimOrAbsent(name.into(), value.into()))
    }

    /// A claim that each access token has, and no ID token. `null` and an empty text count as absent, an empty
    /// list or object as present.
    pub fn present(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Mark::Present(name.into()))
    }

    /// Claims that no access token has, and each ID token has one of. Without a name, no token is
    /// accepted.
    pub fn absent<N: Into<Cow<'static, str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(Mark::Absent(names.into_iter().map(Into::into).collect()))
    }

    /// The audience itself: access tokens name the API, and an ID token names the client that it is
    /// for (OpenID Connect Core §2). Use it only where no client of the issuer has the audience of
    /// this API as its identifier. If the profile accepts any audience, it accepts no token by this.
    pub fn audience() -> Self {
        Self(Mark::Audience)
    }

    /// What it asks for, for the log.
    #[cfg(feature = "tracing")]
    pub(super) fn text(&self) -> String {
        let any = |values: &[ClaimValue]| {
            let values: Vec<_> = values.iter().map(|ClaimValue(v)| v.to_string()).collect();
            values.join(" or ")
        };
        match &self.0 {
            Mark::Claim(name, values) => format!("{name} is {}", any(values)),
            Mark::ClaimOrAbsent(name, ClaimValue(value)) => format!("{name} is {value}, or absent"),
            Mark::Present(name) => format!("{name} is present"),
            Mark::Absent(names) => format!("{} is absent", names.join(", ")),
            Mark::Audience => "the audience is compared".to_owned(),
        }
    }

    /// Whether a token with these claims is an access token, as far as this tells.
    pub(super) fn is_met(&self, claims: &Map<String, Value>, is_audience_checked: bool) -> bool {
        let find = |name: &Cow<'static, str>| json::find(claims, name);
        match &self.0 {
            Mark::Claim(name, values) => {
                find(name).is_some_and(|held| values.iter().any(|ClaimValue(value)| value == held))
            }
            Mark::ClaimOrAbsent(name, ClaimValue(value)) => {
                find(name).is_none_or(|held| held == value)
            }
            Mark::Present(name) => find(name).is_some_and(|held| !is_nothing(held)),
            Mark::Absent(names) => {
                !names.is_empty() && names.iter().all(|name| find(name).is_none())
            }
            Mark::Audience => is_audience_checked,
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn met(discriminator: &Discriminator, claims: Value, expected: bool) {
        let members = claims.as_object().unwrap();
        assert_eq!(discriminator.is_met(members, true), expected, "{claims}");
    }

    #[test]
    fn a_value_is_compared_with_its_type() {
        let version = Discriminator::claim("ver", "2");
        met(&version, json!({ "ver": "2" }), true);
        for other in [json!(2), json!(["2"]), json!("2.0"), json!(null), json!({})] {
            met(&version, json!({ "ver": other }), false);
        }
        met(&version, json!({}), false);
        let either = Discriminator::claim_in("typ", ["Bearer", "DPoP"]);
        met(&either, json!({ "typ": "DPoP" }), true);
        met(&either, json!({ "typ": "bearer" }), false);
        met(
            &Discriminator::claim_in("typ", Vec::<String>::new()),
            json!({ "typ": "x" }),
            false,
        );
    }

    #[test]
    fn a_value_may_be_a_number_or_a_boolean() {
        let number = Discriminator::claim("v", 2);
        let truth = Discriminator::claim("v", true);
        for (value, is_number, is_truth) in [
            (json!(2), true, false),
            (json!("2"), false, false),
            (json!(-2), false, false),
            (json!(true), false, true),
            (json!("true"), false, false),
            (json!(false), false, false),
        ] {
            met(&number, json!({ "v": value }), is_number);
            met(&truth, json!({ "v": value }), is_truth);
        }
        let text = Discriminator::claim("v", String::from("a"));
        met(&text, json!({ "v": "a" }), true);
    }

    #[test]
    fn what_is_there_has_a_value() {
        let present = Discriminator::present("scp");
        for (value, expected) in [
            (json!([]), true),
            (json!(0), true),
            (json!(""), false),
            (json!(null), false),
        ] {
            met(&present, json!({ "scp": value }), expected);
        }
        let status = Discriminator::claim_or_absent("sts", "active");
        met(&status, json!({}), true);
        met(&status, json!({ "sts": null }), false);
        met(&status, json!({ "sts": "pending" }), false);
    }

    #[test]
    fn what_is_absent_has_no_value_at_all() {
        let absent = Discriminator::absent(["nonce", "at_hash"]);
        met(&absent, json!({ "nbf": 1 }), true);
        met(&absent, json!({ "at_hash": null }), false);
        met(
            &Discriminator::absent(Vec::<String>::new()),
            json!({}),
            false,
        );
    }

    #[test]
    fn an_audience_that_is_not_checked_tells_nothing() {
        let audience = Discriminator::audience();
        assert!(audience.is_met(&Map::new(), true));
        assert!(!audience.is_met(&Map::new(), false));
    }
}
