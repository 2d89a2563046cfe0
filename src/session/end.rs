use super::{EndReason, SessionError, SessionEvent, SessionEventKind, Sessions};
use crate::{
    claims::SessionId,
    store::{Record, SessionStore},
};

impl<St: SessionStore> Sessions<St> {
    /// Ends a session of `subject`, and tells whether this call has ended it. The answer is
    /// `false` if `subject` has no such session or if it was ended before.
    ///
    /// Call it when a user logs out, with
    /// [`Claims::session_id`](crate::Claims::session_id) and `sub` of the access token.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails.
    pub async fn end(&self, id: SessionId, subject: &str) -> Result<bool, SessionError> {
        match self.load_session(id).await? {
            Some(record) if record.session.subject == subject => {
                self.end_now(&record, EndReason::Logout).await
            }
            _ => Ok(false),
        }
    }

    /// Ends all sessions of `subject`, and gives the number of those that this call has ended.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails.
    pub async fn end_all(&self, subject: &str) -> Result<usize, SessionError> {
        self.end_each(subject, None).await
    }

    /// Ends all sessions of `subject` except for `keep`, and gives the number of those that this
    /// call has ended. If `keep` is no session of `subject`, all of them end.
    ///
    /// Call it when a user changes the password, with the session that the request came from:
    /// whoever knew the old password is out, and the user is not.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails.
    pub async fn end_others(&self, subject: &str, keep: SessionId) -> Result<usize, SessionError> {
        self.end_each(subject, Some(keep)).await
    }

    async fn end_each(
        &self,
        subject: &str,
        keep: Option<SessionId>,
    ) -> Result<usize, SessionError> {
        let (sessions, subject) = (self.clone(), subject.to_owned());
        self.to_the_end(async move {
            let (inner, reason) = (&sessions.0, EndReason::Logout);
            let issuer = inner.issuer.issuer();
            let ended = inner.store.end_all(issuer, &subject, keep, reason).await?;
            for id in &ended {
                inner.ended.note(*id);
            }
            for id in &ended {
                inner.events.tell(&SessionEvent {
                    kind: SessionEventKind::Ended(reason),
                    session: *id,
                    subject: Some(subject.clone()),
                    distance: 0,
                });
            }
            Ok(ended.len())
        })
        .await
    }

    /// Ends a session, whatever its version. From now on this process refuses its access tokens,
    /// also if the session was ended before.
    pub(super) async fn end_now(
        &self,
        record: &Record,
        reason: EndReason,
    ) -> Result<bool, SessionError> {
        let (sessions, record) = (self.clone(), record.clone());
        self.to_the_end(async move {
            let id = record.session.id;
            let ended = sessions.0.store.end(id, reason).await;
            // Even if the write has failed: the caller wants the session to be ended.
            sessions.0.ended.note(id);
            let ended = ended?;
            if ended {
                sessions.tell(SessionEventKind::Ended(reason), &record, None);
            }
            Ok(ended)
        })
        .await
    }
}
