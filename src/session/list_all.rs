use serde::Serialize;
use tokio::time::Instant;

use super::{SessionError, SessionErrorKind, SessionInfo, Sessions, patience::within};
use crate::store::{Cursor, ListedAll, SessionStore, StoreError, StoreErrorKind};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Which page of all sessions to [list](Sessions::list_all).
#[derive(Clone, Debug)]
#[must_use]
pub struct ListAllRequest {
    after: Option<Cursor>,
    limit: usize,
}

impl ListAllRequest {
    /// The first page.
    pub fn new() -> Self {
        Self {
            after: None,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Goes on after an earlier page: give its [`next`](AllSessionsPage::next). Without one it is the first page.
    pub fn after(mut self, cursor: impl Into<Option<Cursor>>) -> Self {
        self.after = cursor.into();
        self
    }

    /// About the most sessions of a page, 1 to 1000, and 100 by default. A number out of range counts as the
    /// nearest one within it.
    pub fn limit(mut self, sessions: usize) -> Self {
        self.limit = sessions.clamp(1, MAX_LIMIT);
        self
    }
}

impl Default for ListAllRequest {
    fn default() -> Self {
        Self::new()
    }
}

/// A page of the list of all sessions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AllSessionsPage {
    /// The sessions, in an order of the store's own. There may be none although others follow.
    pub sessions: Vec<SessionInfo>,
    /// Give this to [`ListAllRequest::after`] for the next page. `None` on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl<St: SessionStore> Sessions<St> {
    /// The live sessions of all users of this issuer, by pages. **For administrators only**: it tells who is logged
    /// in, with what the application has noted of them.
    ///
    /// The order is the store's own. SQL stores and MongoDB give the newest first, and last those that were
    /// [taken over](super::Takeover), whose identifiers have no time. With them and in memory each
    /// session comes once. Redis knows no order, and it and a [`ShardedStore`](crate::store::ShardedStore) may give a
    /// session twice: compare the `sid`. A session that begins or ends between two pages may be on one of them
    /// or not; each that is live all the while is.
    ///
    /// It is made for a person who looks through a list, and for a job that goes through all sessions now and
    /// then. A page may be short, or even empty, where most of what the store has are sessions that have ended: go on
    /// until there is no [`next`](AllSessionsPage::next).
    ///
    /// ```
    /// use tower_bearer::{
    ///     session::{AllSessionsPage, EndRequest, ListAllRequest, SessionError, Sessions},
    ///     store::Cursor,
    /// };
    ///
    /// async fn page(
    ///     sessions: &Sessions,
    ///     after: Option<Cursor>,
    /// ) -> Result<AllSessionsPage, SessionError> {
    ///     sessions.list_all(ListAllRequest::new().after(after).limit(50)).await
    /// }
    ///
    /// /// Ends all sessions of a client, which was broken into.
    /// async fn end_all_of(
    ///     sessions: &Sessions,
    ///     client: &str,
    ///     admin: &str,
    /// ) -> Result<(), SessionError> {
    ///     let mut request = ListAllRequest::new().limit(1000);
    ///     loop {
    ///         let page = sessions.list_all(request.clone()).await?;
    ///         for session in page.sessions {
    ///             if session.client_id.as_deref() == Some(client) {
    ///                 let of = EndRequest::new(session.subject.as_str());
    ///                 let of = of.by_admin().actor(admin);
    ///                 sessions.end(session.sid, of).await?;
    ///             }
    ///         }
    ///         match page.next {
    ///             Some(next) => request = request.after(next),
    ///             None => return Ok(()),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`InvalidRequest`](SessionErrorKind::InvalidRequest): the store has not given this cursor, or cannot go on
    ///   from it any more, as after a failover of Redis. It is not taken for the first page: a caller who
    ///   goes on until there is no `next` could then go round for ever. Begin with the first page.
    /// - [`Unavailable`](SessionErrorKind::Unavailable): the store failed.
    /// - [`Store`](SessionErrorKind::Store): a session of the page cannot be read.
    pub async fn list_all(&self, request: ListAllRequest) -> Result<AllSessionsPage, SessionError> {
        let ListAllRequest { mut after, limit } = request;
        let (inner, since) = (&self.0, Instant::now());
        loop {
            let list = inner
                .store
                .list_all(inner.issuer.issuer(), after.as_ref(), limit);
            let page = within(inner.store_timeout, list).await;
            let ListedAll { records, next, .. } = page.map_err(refused)?;
            // A person who looks through the list is spared empty pages, but does not wait for long.
            if records.is_empty() && next.is_some() && since.elapsed() < inner.store_timeout {
                after = next;
                continue;
            }
            return Ok(AllSessionsPage {
                sessions: records.into_iter().map(Into::into).collect(),
                next,
            });
        }
    }
}

fn refused(error: StoreError) -> SessionError {
    match error.kind() {
        StoreErrorKind::Cursor => SessionError::with_detail(
            SessionErrorKind::InvalidRequest,
            "the cursor is none of this list's, or leads nowhere any more",
        ),
        _ => error.into(),
    }
}
