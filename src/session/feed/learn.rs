//! Reads which sessions were ended, and remembers them.

use super::super::{SessionError, Sessions, patience::within};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{SessionStore, StoreError},
};

const PAGE: usize = 1000;

/// A read of all ends from some time on, page by page.
#[derive(Debug)]
pub(super) struct Walk {
    since: Timestamp,
    after: Option<SessionId>,
    /// The store's time when it began.
    now: Timestamp,
    learned: usize,
}

impl Walk {
    pub(super) fn since(since: Timestamp, now: Timestamp) -> Self {
        Self {
            since,
            after: None,
            now,
            learned: 0,
        }
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Reads from the store which sessions were ended of late, so that a
    /// [layer](crate::bearer::BearerLayer::sessions) of this process refuses their access tokens.
    /// It also learns whose access tokens were [expired](Self::expire_access_tokens).
    /// Gives the number of sessions that it has read.
    ///
    /// A process knows the sessions that it has ended itself, and forgets them when it stops. Call
    /// this at each start, before the first request is served: without it, an access token whose
    /// user has logged out is accepted again after a restart, until it expires. Where there are several
    /// processes, let each [`follow`](Self::follow) the store in place of this: it begins with the same.
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
    /// [`Unavailable`](crate::session::SessionErrorKind::Unavailable) if the store fails. The application
    /// decides whether it starts all the same, and calls again later. What was read before the
    /// failure is remembered.
    pub async fn load_ended(&self) -> Result<usize, SessionError> {
        let inner = &self.0;
        let started = within(inner.store_timeout, inner.store.now()).await?;
        let mut walk = Walk::since(started - inner.ended.keep(), started);
        // What is ended from now on comes without end, and is not what this is for.
        while let Some(at) = self.learn_page(&mut walk).await? {
            if at > started {
                break;
            }
        }
        Ok(walk.learned)
    }

    /// Reads the next page and notes what is on it. If there may be more, it gives the time of the last end.
    pub(super) async fn learn_page(
        &self,
        walk: &mut Walk,
    ) -> Result<Option<Timestamp>, StoreError> {
        let inner = &self.0;
        let ended = inner.store.ended_since(walk.since, walk.after, PAGE);
        let page = within(inner.store_timeout, ended).await?;
        for (id, at) in &page {
            let ago = walk.now.saturating_since(*at);
            if !inner.outdated.note_if_notice(*id, ago) {
                inner.ended.note_late(*id, ago);
                walk.learned += 1;
            }
        }
        let Some((id, at)) = page.last() else {
            return Ok(None);
        };
        (walk.since, walk.after) = (*at, Some(*id));
        Ok((page.len() == PAGE).then_some(*at))
    }
}
