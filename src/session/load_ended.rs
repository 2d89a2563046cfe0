use std::time::Instant;

use super::{SessionError, Sessions, patience::within};
use crate::store::SessionStore;

const PAGE: usize = 1000;

impl<St: SessionStore> Sessions<St> {
    /// Reads from the store which sessions were ended of late, so that a
    /// [layer](crate::bearer::BearerLayer::sessions) of this process refuses their access tokens.
    /// Gives the number of sessions that it has read.
    ///
    /// A process knows the sessions that it has ended itself, and forgets them when it stops. Call
    /// this at each start, before the first request is served: without it, an access token whose
    /// user has logged out is accepted again after a restart, until it expires.
    ///
    /// It reads what was ended within the [access lifetime](Self::access_lifetime) and 10 minutes
    /// more, page by page, and not what is ended by other processes from now on. If the lifetime
    /// was longer before the restart, older tokens may still live that it does not cover. What was
    /// ended more than a [day](crate::store::Record::KEPT_AFTER_END) ago may be missing, so keep the
    /// access lifetime below that.
    ///
    /// ```
    /// use tower_bearer::session::{SessionError, Sessions};
    ///
    /// async fn prepare(sessions: &Sessions) -> Result<(), SessionError> {
    ///     let ended = sessions.load_ended().await?;
    ///     println!("{ended} sessions were ended of late");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails. The application
    /// decides whether it starts all the same, and calls again later. What was read before the
    /// failure is remembered.
    pub async fn load_ended(&self) -> Result<usize, SessionError> {
        let inner = &self.0;
        let started = within(inner.store_timeout, inner.store.now()).await?;
        let (mut since, mut after, mut loaded) = (started - inner.ended.keep(), None, 0);
        loop {
            let ended = inner.store.ended_since(since, after, PAGE);
            let page = within(inner.store_timeout, ended).await?;
            let now = Instant::now();
            for (id, at) in &page {
                inner.ended.note_at(now, *id, started.saturating_since(*at));
            }
            loaded += page.len();
            match page.last() {
                // What is ended from now on comes without end, and is not what this is for.
                Some((id, at)) if page.len() == PAGE && *at <= started => {
                    (since, after) = (*at, Some(*id));
                }
                _ => return Ok(loaded),
            }
        }
    }
}
