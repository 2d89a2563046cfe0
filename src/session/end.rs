use std::{net::IpAddr, pin::pin};

use tokio::time::timeout;

use super::{
    EndReason, EndRequest, SessionError, SessionErrorKind, SessionEventKind, Sessions,
    end_request::Ending, event::Told,
};
use crate::{
    claims::SessionId,
    store::{Record, SessionStore},
    trace,
};

impl<St: SessionStore> Sessions<St> {
    /// Ends one session of the user that `request` names, and tells whether this call has ended it. The answer
    /// is `false` if this user has no such session or if it was ended before.
    ///
    /// Call it when a user logs out, with the claims of the access token and their
    /// [`session_id`](crate::Claims::session_id). A token of another issuer ends nothing. A subject's
    /// name, as an administrator gives it, may take the place of the claims; never pass the `sub` of a token
    /// ([why](super::SessionOwner)). The reason is a logout, unless the [`EndRequest`] names another.
    ///
    /// ```
    /// # use tower_bearer::session::{SessionError, Sessions};
    /// use tower_bearer::Claims;
    ///
    /// async fn log_out(sessions: &Sessions, claims: &Claims) -> Result<(), SessionError> {
    ///     if let Some(session) = claims.session_id() {
    ///         sessions.end(session, claims).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails. If the request comes with the claims
    /// of this session's own access token, or if the session could be read, this process refuses its access tokens all
    /// the same, for their lifetime and 10 minutes. So the client cannot call a route behind the layer again: it gets
    /// 401. If neither is so, nothing is refused: call it again.
    ///
    /// A session whose tokens are refused in this way ends for good if it is refreshed at this process within that
    /// time, with the reason [`Logout`](EndReason::Logout) whatever was asked for; or, at any time, if the client sends
    /// its refresh token to the [revocation endpoint](crate::endpoint::RevocationEndpoint). Until then other processes
    /// go on with it.
    pub async fn end(
        &self,
        id: SessionId,
        request: impl Into<EndRequest>,
    ) -> Result<bool, SessionError> {
        let EndRequest { owner, ending } = request.into();
        let Some(subject) = owner.of(self.0.issuer.issuer()) else {
            return Ok(false);
        };
        let loaded = self.load_session(id).await;
        if loaded.is_err() && owner.is_in(id) {
            self.0.ended.note(id);
        }
        match loaded? {
            Some(record) if record.session.subject == subject => {
                self.end_now(&record, ending).await
            }
            _ => Ok(false),
        }
    }

    /// Ends all sessions of the user that `request` names, and gives the number of those that this call has
    /// ended. For a request of the user, pass the claims of the access token: another issuer's user has no session
    /// here. For a deleted user, pass the subject's name; never pass the `sub` of a token ([why](super::SessionOwner)).
    ///
    /// While users of another program are [taken over](super::Takeover), all tokens that this user has there are
    /// [removed](super::ForeignTokens::remove_all) first. They do not count as sessions.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails, or the other program's. Where
    /// only that one fails, the sessions here have ended. Call it again: until it succeeds, a foreign token may still
    /// become a session.
    pub async fn end_all(&self, request: impl Into<EndRequest>) -> Result<usize, SessionError> {
        self.end_each(request.into(), None).await
    }

    /// Ends all sessions of the user that `request` names except for `keep`, and gives the number of those that
    /// this call has ended. If `keep` is no session of this user, all of them end.
    ///
    /// Call it when a user changes the password, with the claims of the access token and the session that
    /// the request came from: whoever knew the old password is out, and the user is not. Another issuer's
    /// user has no session here. Never pass the `sub` of a token ([why](super::SessionOwner)).
    /// The user's tokens at a program that is [taken over](super::Takeover) are removed, as
    /// [`end_all`](Self::end_all) says.
    ///
    /// ```
    /// # use tower_bearer::session::{SessionError, Sessions};
    /// use tower_bearer::{Claims, session::EndRequest};
    ///
    /// async fn password_changed(sessions: &Sessions, claims: &Claims) -> Result<(), SessionError> {
    ///     if let Some(current) = claims.session_id() {
    ///         let request = EndRequest::new(claims).after_password_change();
    ///         sessions.end_others(request, current).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as for [`end_all`](Self::end_all).
    pub async fn end_others(
        &self,
        request: impl Into<EndRequest>,
        keep: SessionId,
    ) -> Result<usize, SessionError> {
        self.end_each(request.into(), Some(keep)).await
    }

    async fn end_each(
        &self,
        request: EndRequest,
        keep: Option<SessionId>,
    ) -> Result<usize, SessionError> {
        let EndRequest { owner, ending } = request;
        let Some(subject) = owner.of(self.0.issuer.issuer()) else {
            return Ok(0);
        };
        let (sessions, subject) = (self.clone(), subject.to_owned());
        self.to_the_end(async move {
            let inner = &sessions.0;
            let issuer = inner.issuer.issuer();
            // Before the sessions: what was begun for a token that was still there is then among them.
            let removed = sessions.remove_foreign(&subject).await;
            let ended = inner
                .store
                .end_all(issuer, &subject, keep, ending.reason)
                .await?;
            for id in &ended {
                inner.ended.note(*id);
            }
            for id in &ended {
                sessions.tell_ended(*id, &subject, &ending);
            }
            removed?;
            Ok(ended.len())
        })
        .await
    }

    /// Removes the user's tokens from the store of a program that is taken over. Whatever becomes of it, the
    /// sessions here end after it: it runs in a task of its own, as the application's code may panic.
    async fn remove_foreign(&self, subject: &str) -> Result<(), SessionError> {
        let takeover = match &self.0.takeover {
            Some(takeover) if !takeover.is_long_over() => takeover.clone(),
            _ => return Ok(()),
        };
        let timeout = self.0.hook_timeout.min(self.0.store_timeout);
        let subject = subject.to_owned();
        let removal = async move { takeover.remove_all(&subject, timeout).await };
        let unavailable = SessionErrorKind::Unavailable;
        tokio::spawn(trace::in_current_span(removal))
            .await
            .map_err(|panic| SessionError::with_source(unavailable, panic))?
    }

    /// Ends a session that has ended as far as this process knows, and lives in the store: its end was not written, or a
    /// failover has lost it. Otherwise the client would refresh, and have its new access token refused as well. Why it
    /// was to end is not known any more, so it counts as a logout.
    pub(super) async fn end_at_last(
        &self,
        record: &Record,
        address: Option<IpAddr>,
    ) -> Result<(), SessionError> {
        let ending = Ending::new(EndReason::Logout, address);
        self.end_now(record, ending).await?;
        Ok(())
    }

    /// Ends a session, whatever its version. From now on this process refuses its access tokens,
    /// also if the session was ended before.
    pub(super) async fn end_now(
        &self,
        record: &Record,
        ending: Ending,
    ) -> Result<bool, SessionError> {
        let id = record.session.id;
        let (sessions, record) = (self.clone(), record.clone());
        let done = self.to_the_end(async move {
            let session = &record.session;
            let mut write = pin!(sessions.0.store.end(id, ending.reason));
            let in_time = timeout(sessions.0.store_timeout, write.as_mut()).await;
            // Even if the write has failed, or is still under way: the caller wants the session to be ended. Not before
            // it, as a refresh could then take the end for one that was lost.
            sessions.0.ended.note(id);
            let ended = match in_time {
                Ok(ended) => ended?,
                Err(_) => write.await?,
            };
            if ended {
                sessions.tell_ended(id, &session.subject, &ending);
            }
            Ok(ended)
        });
        let done = done.await;
        // The caller may be told that it is not known before the task has come to it.
        if done.is_err() {
            self.0.ended.note(id);
        }
        done
    }

    fn tell_ended(&self, session: SessionId, subject: &str, ending: &Ending) {
        self.0.events.tell(&Told {
            kind: SessionEventKind::Ended(ending.reason),
            session,
            subject: Some(subject),
            actor: ending.actor.as_deref(),
            distance: 0,
            address: ending.address,
        });
    }
}
