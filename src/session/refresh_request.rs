#[cfg(feature = "dpop")]
use std::sync::Arc;

use super::{KeyProof, Session};
#[cfg(feature = "dpop")]
use crate::key_proof::KeyHolders;
use crate::{claims::Scope, context::RequestContext, token::RefreshToken};

/// A request to refresh a session: the refresh token and its parameters (RFC 6749 §6).
#[derive(Clone, Debug)]
#[must_use]
pub struct RefreshRequest {
    pub(super) token: RefreshToken,
    pub(super) scope: Option<Scope>,
    pub(super) resources: Vec<String>,
    pub(super) client_id: Option<String>,
    pub(super) proof: Option<KeyProof>,
    pub(super) context: RequestContext,
    #[cfg(feature = "dpop")]
    key_holders: Option<Arc<KeyHolders>>,
    #[cfg(feature = "dbsc")]
    is_of_a_page: bool,
}

impl RefreshRequest {
    /// A request with this refresh token, for an access token with the whole scope of the session.
    pub fn new(token: RefreshToken) -> Self {
        Self {
            token,
            scope: None,
            resources: Vec::new(),
            client_id: None,
            proof: None,
            context: RequestContext::new(),
            #[cfg(feature = "dpop")]
            key_holders: None,
            #[cfg(feature = "dbsc")]
            is_of_a_page: false,
        }
    }

    /// Asks for an access token with only this part of the session's scope.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Asks for an access token for this resource only, or for one more if it is called again: the `aud`
    /// claim of the token (RFC 8707 §2.2). The resource must be one of those that were
    /// [granted](super::Grant::resources).
    ///
    /// It is compared byte for byte, except that `https://api.example` and `https://api.example/` are the
    /// same (RFC 3986 §6.2.3).
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// The key that the client has proved to hold with this request. A session that is bound to a key
    /// needs it (RFC 9449 §5). A session that is not bound stays as it is, so that a stolen refresh token
    /// cannot be bound to a thief's key.
    pub fn proof(mut self, proof: KeyProof) -> Self {
        self.proof = Some(proof);
        self
    }

    /// What is known of the HTTP request that brings the token. The [hook](super::SessionsBuilder::on_refresh)
    /// sees it, and the [events](super::SessionEvent) tell its address. The endpoints set it by themselves.
    pub fn context(mut self, context: impl Into<RequestContext>) -> Self {
        self.context = context.into();
        self
    }

    /// Lets a device's lack of proof pass without an event. A page does not know that its browser has
    /// bound the session to the device, so it asks each time that it is opened.
    #[cfg(feature = "dbsc")]
    pub(crate) fn of_a_page(mut self) -> Self {
        self.is_of_a_page = true;
        self
    }

    /// Whether it is no sign of theft if the proof is missing.
    pub(super) fn may_lack_a_proof(&self) -> bool {
        #[cfg(feature = "dbsc")]
        return self.is_of_a_page && self.proof.is_none();
        #[cfg(not(feature = "dbsc"))]
        false
    }

    /// Refuses the token if its session is not bound to a key and belongs to one of these clients.
    #[cfg(feature = "dpop")]
    pub(crate) fn key_holders(mut self, clients: Arc<KeyHolders>) -> Self {
        self.key_holders = Some(clients);
        self
    }

    /// Whether a session has to be bound to a key.
    pub(super) fn must_be_bound(&self, session: &Session) -> bool {
        #[cfg(feature = "dpop")]
        if let Some(clients) = &self.key_holders {
            return clients.include(session.client_id.as_deref());
        }
        let _ = session;
        false
    }

    /// The OAuth client that presents the token. If the session is bound to another client, the
    /// token is refused.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}
