use std::net::IpAddr;

use super::{EndReason, SessionOwner};
use crate::{
    claims::{Actor, Claims, VerifiedToken},
    context::RequestContext,
};

/// Whose sessions to [end](super::Sessions::end), and why. Without more, the reason is a
/// [`Logout`](EndReason::Logout), so the verified claims alone will do, or the name of a subject.
///
/// The store keeps the reason, and the event tells it
/// ([`SessionEventKind::Ended`](super::SessionEventKind::Ended)). The client learns none: to it a session has
/// ended.
///
/// ```
/// use tower_bearer::session::{EndRequest, SessionError, Sessions};
///
/// async fn lock_out(sessions: &Sessions, user: &str, admin: &str) -> Result<usize, SessionError> {
///     sessions.end_all(EndRequest::new(user).by_admin().actor(admin)).await
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EndRequest {
    pub(super) owner: SessionOwner,
    pub(super) ending: Ending,
}

/// Why a session ends, and at whose request.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) reason: EndReason,
    pub(super) address: Option<IpAddr>,
    /// Who acts for the user in the request.
    pub(super) actor: Option<String>,
}

impl Ending {
    pub(super) fn new(reason: EndReason, address: Option<IpAddr>) -> Self {
        Self {
            reason,
            address,
            actor: None,
        }
    }
}

impl EndRequest {
    /// A logout of `owner`: of the user of verified claims, or of a subject's name as an administrator gives
    /// it. Never pass the `sub` of a token ([why](SessionOwner)).
    pub fn new(owner: impl Into<SessionOwner>) -> Self {
        let owner = owner.into();
        let actor = owner.actor().map(str::to_owned);
        let ending = Ending {
            actor,
            ..Ending::new(EndReason::Logout, None)
        };
        Self { owner, ending }
    }

    /// Somebody else than the user ends the session: an administrator, or a rule of the application. Say who by
    /// [`actor`](Self::actor).
    pub fn by_admin(mut self) -> Self {
        self.ending.reason = EndReason::Admin;
        self
    }

    /// Who ends the session in place of the user, such as an administrator, for the [events](super::SessionEvent::actor).
    /// If the request is made from claims that name an [actor](super::Grant::actor), that name is told without this
    /// call.
    pub fn actor(mut self, actor: impl Into<Actor>) -> Self {
        self.ending.actor = Some(actor.into().name().to_owned());
        self
    }

    /// The user has changed the password, or another thing to log in with.
    pub fn after_password_change(mut self) -> Self {
        self.ending.reason = EndReason::PasswordChanged;
        self
    }

    /// What is known of the request that ends the sessions. The [events](super::SessionEvent) tell its address.
    pub fn context(mut self, context: impl Into<RequestContext>) -> Self {
        self.ending.address = context.into().address();
        self
    }
}

/// A logout of the token's user.
impl<P> From<&Claims<P>> for EndRequest {
    fn from(claims: &Claims<P>) -> Self {
        Self::new(claims)
    }
}

/// A logout of the token's user.
impl From<&VerifiedToken> for EndRequest {
    fn from(token: &VerifiedToken) -> Self {
        Self::new(token)
    }
}

/// A logout of the user of this name. It must not come from a token.
impl From<&str> for EndRequest {
    fn from(subject: &str) -> Self {
        Self::new(subject)
    }
}

/// A logout of this owner.
impl From<SessionOwner> for EndRequest {
    fn from(owner: SessionOwner) -> Self {
        Self::new(owner)
    }
}
