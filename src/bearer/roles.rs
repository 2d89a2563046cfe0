//! [`Roles`]: the roles of a token as a type of the application.

use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};

use super::{challenge::Rejection, schemes::Schemes};
use crate::{claims::VerifiedToken, realm::ProtectionSpace, trace};

/// The roles that a token names, read as a type of the application: usually an enum whose variants have
/// the names of the roles. Roles with other names are left out.
///
/// With the feature `axum` it is an extractor. Without a token the answer is a 401.
///
/// ```
/// use tower_bearer::bearer::{Rejection, Roles};
///
/// #[derive(PartialEq, serde::Deserialize)]
/// #[serde(rename_all = "kebab-case")]
/// enum Role {
///     Editor,
///     TeamLead,
/// }
///
/// async fn publish(roles: Roles<Role>) -> Result<&'static str, Rejection> {
///     roles.require(&Role::Editor)?;
///     Ok("published")
/// }
/// # let _ = (publish, Role::TeamLead);
/// ```
///
/// Which claims have the roles, the [profile](crate::TokenProfile::role_claims) of the issuer says.
#[derive(Clone, Debug)]
pub struct Roles<R = String> {
    roles: Vec<R>,
    space: ProtectionSpace,
    schemes: Schemes,
}

impl<R: DeserializeOwned> Roles<R> {
    /// The roles of this token.
    pub fn of(token: &VerifiedToken) -> Self {
        let read = |role: &str| R::deserialize(IntoDeserializer::<Error>::into_deserializer(role));
        Self {
            roles: token.roles().filter_map(|role| read(role).ok()).collect(),
            space: token.space().clone(),
            schemes: Schemes::of_passed(token.is_proved()),
        }
    }
}

impl<R> Roles<R> {
    /// The roles, in the order of the token.
    pub fn iter(&self) -> std::slice::Iter<'_, R> {
        self.roles.iter()
    }
}

impl<R: PartialEq> Roles<R> {
    /// Whether the token has this role.
    pub fn contains(&self, role: &R) -> bool {
        self.roles.contains(role)
    }

    /// Checks that the token has this role.
    ///
    /// # Errors
    ///
    /// A rejection to answer the request with: a 403 `insufficient_scope`. That is the code for a token
    /// that does not allow enough (RFC 6750 §3.1). The challenge names no scope, because none that the
    /// client could ask for would help.
    pub fn require(&self, role: &R) -> Result<(), Rejection> {
        if self.contains(role) {
            return Ok(());
        }
        trace::debug!(
            roles = self.roles.len(),
            "a token lacks the role that a handler requires"
        );
        let rejection = Rejection::insufficient_role().in_space(self.space.clone());
        Err(rejection.with_schemes(self.schemes.clone()))
    }
}

impl<'a, R> IntoIterator for &'a Roles<R> {
    type Item = &'a R;
    type IntoIter = std::slice::Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<R> IntoIterator for Roles<R> {
    type Item = R;
    type IntoIter = std::vec::IntoIter<R>;

    fn into_iter(self) -> Self::IntoIter {
        self.roles.into_iter()
    }
}
