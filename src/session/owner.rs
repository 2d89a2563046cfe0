use crate::claims::{Actor, Claims, SessionId, VerifiedToken};

/// Whose sessions are [listed](super::Sessions::list) or [ended](super::Sessions::end).
///
/// For a request of the user it is made from the verified token or its claims. A verifier may trust several
/// issuers, and another issuer's user may have the same `sub`: such a user has no session here.
///
/// ```
/// use tower_bearer::{
///     Claims,
///     session::{SessionError, Sessions},
/// };
///
/// async fn log_out_everywhere(sessions: &Sessions, claims: &Claims) -> Result<usize, SessionError> {
///     sessions.end_all(claims).await
/// }
/// ```
///
/// Made from a token, it also remembers the token's session and who acts for the user, for an
/// [`EndRequest`](super::EndRequest). Neither counts where two owners are compared.
///
/// A text is the subject itself, such as an administrator types it or as the application's own records have
/// it. **Never** pass the `sub` of a token: it says nothing without the `iss`. A `&String`, such as
/// `&claims.sub`, is refused when the program is compiled:
///
/// ```compile_fail,E0277
/// # use tower_bearer::{Claims, session::{SessionError, Sessions}};
/// async fn wrong(sessions: &Sessions, claims: &Claims) -> Result<usize, SessionError> {
///     sessions.end_all(&claims.sub).await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SessionOwner {
    /// Who names the subject so. `None` if it is this issuer's own.
    issuer: Option<String>,
    subject: String,
    /// What the claims tell of the request.
    asker: Asker,
}

#[derive(Clone, Debug, Default)]
struct Asker {
    /// Who acts for the user.
    actor: Option<String>,
    session: Option<SessionId>,
}

impl SessionOwner {
    pub(super) fn actor(&self) -> Option<&str> {
        self.asker.actor.as_deref()
    }

    /// Whether the request comes from this very session.
    pub(super) fn is_in(&self, session: SessionId) -> bool {
        self.asker.session == Some(session)
    }

    /// The subject, if it is one of this issuer's.
    pub(super) fn of(&self, issuer: &str) -> Option<&str> {
        let is_own = self.issuer.as_deref().is_none_or(|named| named == issuer);
        is_own.then_some(&self.subject)
    }
}

/// The user of the token.
impl<P> From<&Claims<P>> for SessionOwner {
    fn from(claims: &Claims<P>) -> Self {
        Self {
            issuer: Some(claims.iss.clone()),
            subject: claims.sub.clone(),
            asker: Asker {
                actor: claims.act.as_ref().map(Actor::name).map(str::to_owned),
                session: claims.session_id(),
            },
        }
    }
}

/// The user of the token.
impl From<&VerifiedToken> for SessionOwner {
    fn from(token: &VerifiedToken) -> Self {
        token.claims().into()
    }
}

/// The user of this name. It must not come from a token.
impl From<&str> for SessionOwner {
    fn from(subject: &str) -> Self {
        Self {
            issuer: None,
            subject: subject.to_owned(),
            asker: Asker::default(),
        }
    }
}

/// Whoever acts, and from which session, it is the same owner.
impl PartialEq for SessionOwner {
    fn eq(&self, other: &Self) -> bool {
        (&self.issuer, &self.subject) == (&other.issuer, &other.subject)
    }
}

impl Eq for SessionOwner {}
