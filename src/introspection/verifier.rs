//! How a [`Verifier`] is given an [`Introspection`].

use super::Introspection;
use crate::verifier::Verifier;

impl Verifier {
    /// Creates a verifier that asks the authorization server about every token, also about JWTs.
    ///
    /// [`Claims::iss`](crate::Claims::iss) is what the server or the configuration says. The leeway and
    /// the clock of this verifier count for the times in the answers.
    pub fn introspecting(introspection: Introspection) -> Self {
        Self::asking(introspection.0)
    }

    /// Also accepts tokens that are no JWTs, by asking the authorization server about them. A token of
    /// three parts with dots between them is a JWT and verified here: no server is asked about it, whether it
    /// is good or not.
    ///
    /// ```
    /// # use tower_bearer::{VerifyingKeys, error::ConfigError};
    /// use tower_bearer::{Verifier, introspection::Introspection};
    ///
    /// # fn verifier(keys: VerifyingKeys, introspection: Introspection) -> Result<Verifier, ConfigError> {
    /// let verifier = Verifier::new("https://id.example", "https://api.example", keys)?;
    /// Ok(verifier.opaque_tokens(introspection))
    /// # }
    /// ```
    #[must_use]
    pub fn opaque_tokens(self, introspection: Introspection) -> Self {
        self.asking_too(introspection.0)
    }
}
