use std::{fmt, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Claims, PrivateClaimsError};
use crate::{json, realm::ProtectionSpace, token::AccessToken};

/// An access token that a [`Verifier`](crate::Verifier) accepted. It is cheap to clone.
///
/// A [`BearerLayer`](crate::bearer::BearerLayer) adds it to the extensions of each request that has
/// a valid token.
///
/// ```
/// use tower_bearer::VerifiedToken;
///
/// fn who(request: &http::Request<()>) -> Option<&str> {
///     let token = request.extensions().get::<VerifiedToken>()?;
///     Some(&token.claims().sub)
/// }
/// ```
#[derive(Clone)]
pub struct VerifiedToken {
    /// All requests with the same token share it.
    content: Arc<Content>,
    /// What the layer protects that let the request through. It is here and not in an extension of
    /// its own, so that a request needs one allocation instead of two.
    space: ProtectionSpace,
    is_proved: bool,
    /// The token itself, where tickets may be asked for it.
    text: Option<Arc<AccessToken>>,
    came_by_ticket: bool,
}

/// The claims of a token.
pub(crate) struct Content {
    pub(crate) claims: Claims,
    pub(crate) private: Map<String, Value>,
}

impl VerifiedToken {
    pub(crate) fn new(content: Arc<Content>) -> Self {
        Self {
            content,
            space: ProtectionSpace::default(),
            is_proved: false,
            text: None,
            came_by_ticket: false,
        }
    }

    pub(crate) fn with_text(mut self, text: Option<Arc<AccessToken>>) -> Self {
        self.text = text;
        self
    }

    /// Notes that it came by a ticket, so that it gets no other.
    pub(crate) fn by_ticket(mut self) -> Self {
        self.came_by_ticket = true;
        self.text = None;
        self
    }

    pub(crate) fn came_by_ticket(&self) -> bool {
        self.came_by_ticket
    }

    pub(crate) fn text(&self) -> Option<&AccessToken> {
        self.text.as_deref()
    }

    /// Notes that the request has proved the key that the token is bound to.
    pub(crate) fn with_proof(mut self) -> Self {
        self.is_proved = true;
        self
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.is_proved
    }

    #[inline]
    pub(crate) fn in_space(mut self, space: &ProtectionSpace) -> Self {
        self.space = space.clone();
        self
    }

    #[cfg(feature = "remote")]
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn space(&self) -> &ProtectionSpace {
        &self.space
    }

    /// The application's own claims, as they are in the token.
    #[cfg(feature = "session")]
    pub(crate) fn private(&self) -> &Map<String, Value> {
        &self.content.private
    }

    /// The registered claims.
    pub fn claims(&self) -> &Claims {
        &self.content.claims
    }

    /// The roles that the token names, in the claims that the
    /// [profile](crate::TokenProfile::role_claims) of its issuer says.
    ///
    /// What a role means, and whether a user has it for this API, only issuer and application know. A
    /// role is no scope: it says what the user may do, not what the user lets the client do.
    ///
    /// ```
    /// use tower_bearer::VerifiedToken;
    ///
    /// fn is_editor(token: &VerifiedToken) -> bool {
    ///     token.roles().any(|role| role == "editor")
    /// }
    /// ```
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.content.claims.roles.iter()
    }

    /// The registered claims, with the application's own read as `P`.
    ///
    /// A `P` may also have members for [what describes the user](super::USER_ATTRIBUTES). It sees those as they are
    /// in the token.
    ///
    /// # Errors
    ///
    /// [`PrivateClaimsError`] if the application's claims do not fit `P`.
    pub fn claims_as<P: DeserializeOwned>(&self) -> Result<Claims<P>, PrivateClaimsError> {
        let private = json::from_members(&self.content.private).map_err(PrivateClaimsError)?;
        Ok(self.content.claims.clone().with_private(private))
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedToken")
            .field(&self.content.claims.sub)
            .finish()
    }
}
