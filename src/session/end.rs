use super::{
    Presented, Refusal, RevokeReason, Session, SessionError, SessionEvent, SessionEventKind,
    SessionInfo, Sessions, is_other_client, refresh_token, within,
};
use crate::{
    claims::SessionId,
    store::{Loaded, SessionStore},
};

/// The most sessions that a listing shows.
const LISTED: usize = 1000;

impl<St: SessionStore> Sessions<St> {
    /// Ends the session that a token is of (RFC 7009): a refresh token of any generation, or
    /// an access token that has not expired. A token that is neither ends nothing, and that is
    /// no error.
    ///
    /// # Errors
    ///
    /// [`InvalidGrant`](super::SessionErrorKind::InvalidGrant) where `client_id` is not the
    /// session's, [`Unavailable`](super::SessionErrorKind::Unavailable) where the store fails.
    pub async fn revoke(&self, token: &str, client_id: Option<&str>) -> Result<(), SessionError> {
        let Some((session, presented)) = self.session_of(token).await? else {
            return Ok(());
        };
        if is_other_client(client_id, &session) {
            self.tell(
                SessionEventKind::Refused(Refusal::OtherClient),
                &session,
                presented,
            );
            return Err(SessionError::refused(Refusal::OtherClient));
        }
        self.end_now(&session, RevokeReason::Revocation).await?;
        Ok(())
    }

    /// Ends a session of `subject`: a logout, with
    /// [`Claims::session_id`](crate::Claims::session_id) and `sub` of the access token. False where there is no such session of that subject or
    /// it has ended already.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) where the store fails.
    pub async fn end(&self, id: SessionId, subject: &str) -> Result<bool, SessionError> {
        match self.load_session(id).await? {
            Some(session) if session.subject == subject => {
                self.end_now(&session, RevokeReason::Logout).await
            }
            _ => Ok(false),
        }
    }

    /// Ends all sessions of `subject` and tells how many there were.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) where the store fails.
    pub async fn end_all(&self, subject: &str) -> Result<usize, SessionError> {
        let (sessions, subject) = (self.clone(), subject.to_owned());
        self.to_the_end(async move {
            let (inner, reason) = (&sessions.0, RevokeReason::Logout);
            let issuer = inner.issuer.issuer();
            let ended = inner.store.end_all(issuer, &subject, reason).await?;
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

    /// The live sessions of `subject`, oldest first, at most 1000.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) where the store fails.
    pub async fn list(&self, subject: &str) -> Result<Vec<SessionInfo>, SessionError> {
        let inner = &self.0;
        let list = inner
            .store
            .list(inner.issuer.issuer(), subject, None, LISTED);
        let listed = within(inner.store_timeout, list).await?;
        Ok(listed.sessions.iter().map(SessionInfo::from).collect())
    }

    /// Ends a session whatever its version. Also where it has ended already its access tokens
    /// are refused here from now on.
    pub(super) async fn end_now(
        &self,
        session: &Session,
        reason: RevokeReason,
    ) -> Result<bool, SessionError> {
        let (sessions, session) = (self.clone(), session.clone());
        self.to_the_end(async move {
            let ended = sessions.0.store.end(session.id, reason).await;
            // Also where nobody knows whether the store has it: that is what was asked for.
            sessions.0.ended.note(session.id);
            let ended = ended?;
            if ended {
                sessions.tell(SessionEventKind::Ended(reason), &session, None);
            }
            Ok(ended)
        })
        .await
    }

    async fn session_of(
        &self,
        token: &str,
    ) -> Result<Option<(Session, Option<Presented>)>, SessionError> {
        if let Some((id, presented)) = self.0.refresh_key.open(token, self.0.issuer.issuer()) {
            let session = self.load_session(id).await?;
            let session = session.filter(|session| refresh_token::has_jti(session, presented));
            return Ok(session.map(|session| (session, Some(presented))));
        }
        let now = within(self.0.store_timeout, self.0.store.now()).await?;
        let Ok(access) = self.0.verifier.verify_at(token, now) else {
            return Ok(None);
        };
        // Not even within the leeway: a token from a log must not be a logout weapon.
        if now >= access.claims().exp {
            return Ok(None);
        }
        match access.claims().session_id() {
            Some(id) => Ok(self.load_session(id).await?.map(|session| (session, None))),
            None => Ok(None),
        }
    }

    async fn load_session(&self, id: SessionId) -> Result<Option<Session>, SessionError> {
        let load = self.0.store.load(id);
        let Loaded { session, .. } = within(self.0.store_timeout, load).await?;
        Ok(session.filter(|session| session.issuer == self.0.issuer.issuer()))
    }
}
