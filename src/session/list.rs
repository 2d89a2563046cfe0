use serde::Serialize;

use super::{SessionError, SessionInfo, SessionOwner, Sessions, patience::within};
use crate::{
    claims::{Claims, SessionId, VerifiedToken},
    clock::Timestamp,
    store::{Listed, Record, SessionStore},
};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Which sessions to [list](Sessions::list).
#[derive(Clone, Debug)]
#[must_use]
pub struct ListRequest {
    owner: SessionOwner,
    current: Option<SessionId>,
    before: Option<SessionId>,
    limit: usize,
}

impl ListRequest {
    /// The first page of the sessions of `owner`: of the user of verified claims, or of a subject's name as
    /// an administrator gives it. Never pass the `sub` of a token ([why](SessionOwner)).
    pub fn new(owner: impl Into<SessionOwner>) -> Self {
        Self {
            owner: owner.into(),
            current: None,
            before: None,
            limit: DEFAULT_LIMIT,
        }
    }

    /// The current session, from which the request comes, such as
    /// [`Claims::session_id`](crate::Claims::session_id) gives it. If it is live, it is first on the
    /// first page, however old it is, and on no other page. Compare `sid` to mark it.
    pub fn current(mut self, sid: impl Into<Option<SessionId>>) -> Self {
        self.current = sid.into();
        self
    }

    /// Goes on after an earlier page: give its [`next`](SessionPage::next).
    pub fn before(mut self, cursor: SessionId) -> Self {
        self.before = Some(cursor);
        self
    }

    /// The most sessions of a page, 1 to 1000, and 100 by default. The [current](Self::current)
    /// session comes on top of that. A number out of range counts as the nearest one within it.
    pub fn limit(mut self, sessions: usize) -> Self {
        self.limit = sessions.clamp(1, MAX_LIMIT);
        self
    }
}

/// The first page of the sessions of the token's user. That of the token is the
/// [current](ListRequest::current) one.
impl<P> From<&Claims<P>> for ListRequest {
    fn from(claims: &Claims<P>) -> Self {
        Self::new(claims).current(claims.session_id())
    }
}

/// The first page of the sessions of the token's user. That of the token is the
/// [current](ListRequest::current) one.
impl From<&VerifiedToken> for ListRequest {
    fn from(token: &VerifiedToken) -> Self {
        token.claims().into()
    }
}

/// The first page of the sessions of the subject of this name. It must not come from a token.
impl From<&str> for ListRequest {
    fn from(subject: &str) -> Self {
        Self::new(subject)
    }
}

/// A page of a list of sessions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions: on the first page the current one, if it is live, and then the newest first. Sessions that
    /// were [taken over](super::Takeover) come last, as their identifiers do not tell when they began.
    pub sessions: Vec<SessionInfo>,
    /// Give this to [`ListRequest::before`] for the next page. `None` on the last page. It is no secret, and need
    /// not be checked when it comes back from a client: whatever it says, only sessions of the user are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}

impl<St: SessionStore> Sessions<St> {
    /// The live sessions of a user, newest first, by pages; those that were [taken over](super::Takeover) come
    /// last. Another issuer's user has none here.
    ///
    /// ```
    /// use tower_bearer::session::{ListRequest, SessionError, SessionPage, Sessions};
    /// use tower_bearer::{Claims, SessionId};
    ///
    /// async fn page(
    ///     sessions: &Sessions,
    ///     claims: &Claims,
    ///     cursor: Option<SessionId>,
    /// ) -> Result<SessionPage, SessionError> {
    ///     let mut request = ListRequest::from(claims).limit(20);
    ///     if let Some(cursor) = cursor {
    ///         request = request.before(cursor);
    ///     }
    ///     sessions.list(request).await
    /// }
    ///
    /// async fn newest(sessions: &Sessions) -> Result<SessionPage, SessionError> {
    ///     sessions.list("anna").await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails.
    pub async fn list(&self, request: impl Into<ListRequest>) -> Result<SessionPage, SessionError> {
        let request = request.into();
        let (inner, current) = (&self.0, request.current);
        // One more tells whether there is another page, and one more may be the current session.
        let most = request.limit + 1 + usize::from(current.is_some());
        let issuer = inner.issuer.issuer();
        let Some(subject) = request.owner.of(issuer) else {
            return Ok(SessionPage {
                sessions: Vec::new(),
                next: None,
            });
        };
        let list = inner.store.list(issuer, subject, request.before, most);
        let Listed { records, now } = within(inner.store_timeout, list).await?;
        let (own, mut others): (Vec<_>, Vec<_>) = records
            .into_iter()
            .partition(|record| Some(record.session.id) == current);
        let is_cut = others.len() > request.limit;
        others.truncate(request.limit);
        let last = others.last().map(|record| record.session.id);
        let own = match (request.before, current, own.into_iter().next()) {
            (None, Some(current), None) => self.load_live(current, subject, now).await?,
            (None, _, own) => own,
            (Some(_), _, _) => None,
        };
        Ok(SessionPage {
            sessions: own.into_iter().chain(others).map(Into::into).collect(),
            next: last.filter(|_| is_cut),
        })
    }

    /// The session if it is one of `subject` and is live.
    async fn load_live(
        &self,
        id: SessionId,
        subject: &str,
        now: Timestamp,
    ) -> Result<Option<Record>, SessionError> {
        let is_own = |record: &Record| record.session.subject == subject && record.is_live(now);
        Ok(self.load_session(id).await?.filter(is_own))
    }
}
