use std::time::Duration;

use super::{
    super::{
        EndReason, SessionError, SessionOwner, Sessions, patience::within, start::fresh_secret,
    },
    notice::Notice,
};
use crate::store::{SessionStore, StoreErrorKind};

impl<St: SessionStore> Sessions<St> {
    /// Refuses all access tokens that `owner` was given until now: the answer to a request with one is a 401
    /// `invalid_token`. The sessions go on. A client refreshes, the
    /// [hook](crate::session::SessionsBuilder::on_refresh) is asked, and the new access token is good. Call it when
    /// a user may do less than before, once that is written where the hook reads it. The answer is `false` if
    /// `owner` is another issuer's user, of whom nothing is known here.
    ///
    /// ```
    /// # use tower_bearer::session::{SessionError, Sessions};
    /// # struct Users;
    /// # impl Users {
    /// #     async fn set_role(&self, user: &str, role: &str) {}
    /// # }
    /// async fn demote(users: &Users, sessions: &Sessions, user: &str) -> Result<(), SessionError> {
    ///     users.set_role(user, "reader").await;
    ///     sessions.expire_access_tokens(user).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// This process refuses the tokens at once, wherever a [layer](crate::bearer::BearerLayer::sessions) was given
    /// the sessions. Other processes learn of it as they learn of the end of a session: by
    /// [`follow`](Self::follow), half a second later or seldom more, and by [`load_ended`](Self::load_ended) as they
    /// start. One that does neither accepts the tokens until they expire, also with a
    /// [live check](crate::bearer::BearerLayer::check_live), which asks about sessions and not about users.
    /// [The manual](crate::manual::context#roles-that-change-at-once) has the table.
    ///
    /// What is [open](Self::over) by one of the tokens is over.
    ///
    /// Times in tokens are whole seconds. So a token of the same second is refused too, and a process that knows of
    /// this waits for the next second with the user's logins and refreshes. A process that does not know of it yet
    /// may give a token in that second that is refused elsewhere. The client refreshes once more.
    ///
    /// A token by which `owner` [acts](crate::session::Grant::actor) for another user is refused as well. While
    /// servers are upgraded from a version that did not know this call, wait with it until all of them are.
    ///
    /// The store keeps it as a session that has ended, of an issuer of its own, so that it is in no list, and counts
    /// towards no [maximum](crate::session::SessionsBuilder::max_sessions). It is deleted like any other, a day later
    /// at the earliest.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::session::SessionErrorKind::Unavailable) if the store fails. This process may refuse
    /// the tokens by then, others may not know. Call it again.
    pub async fn expire_access_tokens(
        &self,
        owner: impl Into<SessionOwner>,
    ) -> Result<bool, SessionError> {
        let owner = owner.into();
        let inner = &self.0;
        let issuer = inner.issuer.issuer();
        let Some(subject) = owner.of(issuer) else {
            return Ok(false);
        };
        let notice = Notice {
            user: inner.outdated.user(issuer, subject),
            // Only the second counts, so that many calls in it make one row.
            until: within(inner.store_timeout, inner.store.now())
                .await?
                .floor(),
        };
        let record = notice.record(fresh_secret()?, inner.ended.keep());
        let sessions = self.clone();
        self.to_the_end(async move {
            let (store, id) = (&sessions.0.store, record.session.id);
            // Even if the write fails: the caller wants the tokens to be refused.
            sessions.0.outdated.note(notice, Duration::ZERO);
            match store.insert(&record).await {
                // Another call of the same second was quicker. It may have failed to end it.
                Err(error) if error.kind() == StoreErrorKind::Duplicate => {}
                inserted => inserted?,
            }
            store.end(id, EndReason::Admin).await?;
            Ok(true)
        })
        .await
    }
}
