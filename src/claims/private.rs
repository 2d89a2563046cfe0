//! The application's own claims.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{AttributeValues, MEMBERS, REGISTERED, USER_ATTRIBUTES};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    json,
};

/// The application's own claims: a JSON object without [registered](super::REGISTERED) names.
///
/// What describes the user in [names that others know](super::USER_ATTRIBUTES) may be among them, in a form that can be
/// read as [`AttributeValues`]. A refresh hook gives new roles so:
///
/// ```
/// use tower_bearer::claims::PrivateClaims;
///
/// fn promoted(kept: PrivateClaims) -> PrivateClaims {
///     kept.with_roles(["editor", "chief"])
/// }
/// # let json = promoted(PrivateClaims::default()).to_json();
/// # assert_eq!(json, r#"{"roles":["editor","chief"]}"#);
/// ```
///
/// Other claims are of a type of the application's own:
///
/// ```
/// use tower_bearer::claims::PrivateClaims;
///
/// #[derive(serde::Serialize)]
/// struct MyClaims {
///     role: &'static str,
/// }
///
/// assert!(PrivateClaims::new(&MyClaims { role: "editor" }).is_ok());
/// assert!(PrivateClaims::new(&[("sub", "mallory")].into_iter().collect::<std::collections::BTreeMap<_, _>>()).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrivateClaims(Map<String, Value>);

impl PrivateClaims {
    /// Serialises the application's claims.
    ///
    /// # Errors
    ///
    /// [`PrivateClaims`](ConfigErrorKind::PrivateClaims) if the claims are not a JSON object, are
    /// nested more than about a hundred levels deep, use a [registered](super::REGISTERED) name, or have one of
    /// [`USER_ATTRIBUTES`] that is no text and no list of texts.
    pub fn new(claims: &impl serde::Serialize) -> Result<Self, ConfigError> {
        match serde_json::to_string(claims) {
            Ok(text) if text == "null" => Ok(Self::default()),
            // Read back, so that what a store has kept can be read again.
            Ok(text) => {
                let claims = Self::without(REGISTERED, &text)?;
                claims.check_user_attributes()?;
                Ok(claims)
            }
            Err(error) => Err(wrong("they cannot be serialised").with_source(error)),
        }
    }

    /// The same with these as the [roles](super::Claims::roles) of the user, whatever they were.
    #[must_use]
    pub fn with_roles<V: Into<String>>(self, roles: impl IntoIterator<Item = V>) -> Self {
        self.with("roles", roles)
    }

    /// The same with these as the [groups](super::Claims::groups) of the user, whatever they were.
    #[must_use]
    pub fn with_groups<V: Into<String>>(self, groups: impl IntoIterator<Item = V>) -> Self {
        self.with("groups", groups)
    }

    /// The same with these as the [entitlements](super::Claims::entitlements) of the user, whatever they were.
    #[must_use]
    pub fn with_entitlements<V: Into<String>>(
        self,
        entitlements: impl IntoIterator<Item = V>,
    ) -> Self {
        self.with("entitlements", entitlements)
    }

    /// Without a value the claim is left out.
    fn with<V: Into<String>>(mut self, name: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values: AttributeValues = values.into_iter().collect();
        match values.is_empty() {
            true => self.0.remove(name),
            false => {
                let values = values.iter().map(Value::from).collect();
                self.0.insert(name.to_owned(), values)
            }
        };
        self
    }

    /// The same with these values too, which a grant has told beside its claims. None are none.
    #[cfg(feature = "session")]
    pub(crate) fn adding(self, name: &str, values: Vec<String>) -> Result<Self, ConfigError> {
        match values.is_empty() {
            true => Ok(self),
            false if self.0.contains_key(name) => Err(wrong(format!(
                "{name:?} is both granted by itself and among them"
            ))),
            false => Ok(self.with(name, values)),
        }
    }

    /// Refuses what describes the user in a form that no verifier of RFC 9068 reads: it would refuse the token.
    pub(crate) fn check_user_attributes(&self) -> Result<(), ConfigError> {
        for name in USER_ATTRIBUTES {
            AttributeValues::among(&self.0, name).map_err(|error| {
                wrong(format!("{name:?} is neither a text nor a list of texts")).with_source(error)
            })?;
        }
        Ok(())
    }

    /// The JSON text, for a store to keep.
    pub fn to_json(&self) -> String {
        json::text(&self.0)
    }

    /// Reads the JSON text that a store has kept.
    ///
    /// Only the names of [`Claims`](super::Claims)' members are refused here: a name that a later
    /// version reserves must not make a session unreadable that was started before.
    ///
    /// # Errors
    ///
    /// If the text is no JSON object, is nested more than about a hundred deep, or uses such a name.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        Self::without(MEMBERS, text)
    }

    fn without(names: &[&str], text: &str) -> Result<Self, ConfigError> {
        let members = json::object(text.as_bytes()).map_err(|error| {
            wrong("they are not a JSON object that can be read again").with_source(error)
        })?;
        match members.keys().find(|name| names.contains(&name.as_str())) {
            None => Ok(Self(members)),
            Some(name) => Err(wrong(format!("{name:?} is a registered name"))),
        }
    }

    /// Reads the claims as the application's own type.
    ///
    /// # Errors
    ///
    /// [`PrivateClaimsError`] if the claims do not fit `P`.
    pub fn get<P: serde::de::DeserializeOwned>(&self) -> Result<P, PrivateClaimsError> {
        json::from_members(&self.0).map_err(PrivateClaimsError)
    }

    #[cfg(feature = "session")]
    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn wrong(claims: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError::new(ConfigErrorKind::PrivateClaims, claims)
}

/// The token's private members do not have the shape that the application asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's private claims do not fit the type that was asked for")]
pub struct PrivateClaimsError(#[source] pub(crate) serde_json::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_the_user_is_in_a_form_that_verifiers_read() {
        for right in [r#"["a"]"#, r#""a""#, "[]", r#"[{"value":"a"}]"#] {
            let claims: Value = serde_json::from_str(&format!(r#"{{"groups":{right}}}"#)).unwrap();
            PrivateClaims::new(&claims).unwrap();
        }
        for wrong in [r#"{"a":true}"#, "null", "[1]"] {
            let text = format!(r#"{{"groups":{wrong}}}"#);
            let claims: Value = serde_json::from_str(&text).unwrap();
            let error = PrivateClaims::new(&claims).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::PrivateClaims, "{wrong}");
            // A session that was started before can still be listed and ended.
            assert!(PrivateClaims::from_json(&text).is_ok(), "{wrong}");
        }
        let none: [&str; 0] = [];
        let claims = PrivateClaims::from_json(r#"{"roles":["a"],"x":1}"#).unwrap();
        assert_eq!(claims.with_roles(none).to_json(), r#"{"x":1}"#);
    }

    #[test]
    fn a_name_that_is_reserved_later_leaves_kept_claims_readable() {
        let kept = r#"{"azp":"2"}"#;
        assert_eq!(PrivateClaims::from_json(kept).unwrap().to_json(), kept);
        assert!(
            PrivateClaims::new(
                &[("azp", "2")]
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>()
            )
            .is_err()
        );
        assert!(PrivateClaims::from_json(r#"{"sub":"mallory"}"#).is_err());
    }
}
