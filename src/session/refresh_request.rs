use crate::{claims::Scope, token::RefreshToken};

/// A request to refresh a session: the refresh token and its parameters (RFC 6749 §6).
#[derive(Clone, Debug)]
#[must_use]
pub struct RefreshRequest {
    pub(super) token: RefreshToken,
    pub(super) scope: Option<Scope>,
    pub(super) client_id: Option<String>,
}

impl RefreshRequest {
    /// A request with this refresh token, for an access token with the whole scope of the session.
    pub fn new(token: RefreshToken) -> Self {
        Self {
            token,
            scope: None,
            client_id: None,
        }
    }

    /// Asks for an access token with only this part of the session's scope.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The OAuth client that presents the token. If the session is bound to another client, the
    /// token is refused.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}
