//! The application's own claims.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{MEMBERS, REGISTERED};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    json,
};

/// The application's own claims: a JSON object without [registered](super::REGISTERED) names.
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
    /// nested more than about a hundred levels deep, or use a [registered](super::REGISTERED) name.
    pub fn new(claims: &impl serde::Serialize) -> Result<Self, ConfigError> {
        match serde_json::to_string(claims) {
            Ok(text) if text == "null" => Ok(Self::default()),
            // Read back, so that what a store has kept can be read again.
            Ok(text) => Self::without(REGISTERED, &text),
            Err(error) => Err(wrong("they cannot be serialised").with_source(error)),
        }
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
