use crate::{claims::Scope, token::RefreshToken};

/// A refresh token and what its presenter asks for (RFC 6749 §6).
#[derive(Clone, Debug)]
#[must_use]
pub struct RefreshRequest {
    pub(super) token: RefreshToken,
    pub(super) scope: Option<Scope>,
    pub(super) client_id: Option<String>,
}

impl RefreshRequest {
    /// A request for tokens with the whole scope of the session.
    pub fn new(token: RefreshToken) -> Self {
        Self {
            token,
            scope: None,
            client_id: None,
        }
    }

    /// Narrows the scope of this answer's access token.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The client that presents the token, where it says so.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}
