use uuid::Uuid;

use super::{
    Grant, Overflow, RevokeReason, Session, SessionError, SessionErrorKind, SessionEventKind,
    SessionSecret, Sessions, decide::revoked, within,
};
use crate::{claims::SessionId, clock::Timestamp, store::SessionStore, token::TokenResponse};

/// How many of a subject's sessions are looked at when there is a maximum.
const LISTED: usize = 2000;

impl<St: SessionStore> Sessions<St> {
    /// Starts a session for a user who has just logged in.
    ///
    /// # Errors
    ///
    /// [`Grant`](SessionErrorKind::Grant) where the grant is malformed,
    /// [`TooManySessions`](SessionErrorKind::TooManySessions) where the configured maximum is
    /// reached and the oldest may not be ended, [`Unavailable`](SessionErrorKind::Unavailable)
    /// where the store fails.
    pub async fn start(&self, grant: Grant) -> Result<TokenResponse, SessionError> {
        let grant = grant.validated()?;
        let inner = &self.0;
        let (now, surplus) = match inner.max_sessions {
            None => (
                within(inner.store_timeout, inner.store.now()).await?,
                Vec::new(),
            ),
            Some((max, overflow)) => self.surplus(&grant.subject, max, overflow).await?,
        };
        let session = self.new_session(grant, now)?;
        let tokens = self.mint(&session, now, session.scope.clone(), &session.claims)?;
        within(inner.store_timeout, inner.store.insert(&session)).await?;
        self.tell(SessionEventKind::Started, &session, None);
        for oldest in &surplus {
            // Best effort: a session that has just been refreshed elsewhere may stay.
            let evicted = revoked(oldest, RevokeReason::Evicted, now);
            if self.write(oldest, Some(&evicted), None).await.is_err() {
                break;
            }
        }
        Ok(tokens)
    }

    fn new_session(&self, grant: Grant, now: Timestamp) -> Result<Session, SessionError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| SessionError::with_source(SessionErrorKind::Unavailable, error))?;
        let id = SessionId::from_uuid(Uuid::now_v7());
        let secret = SessionSecret::from_bytes(secret);
        let issuer = self.0.issuer.issuer();
        let mut session = Session::new(id, issuer, grant.subject, secret, now);
        session.ends_at = now + self.0.session_lifetime;
        session.expires_at = session.ends_at.min(now + self.0.policy.idle_lifetime);
        session.auth_time = grant.auth_time.unwrap_or(now);
        session.scope = grant.scope;
        session.client_id = grant.client_id;
        session.claims = grant.claims;
        session.metadata = grant.metadata;
        Ok(session)
    }

    /// The time, and the oldest sessions of the subject that have to make room for one more.
    async fn surplus(
        &self,
        subject: &str,
        max: usize,
        overflow: Overflow,
    ) -> Result<(Timestamp, Vec<Session>), SessionError> {
        let inner = &self.0;
        let list = inner
            .store
            .list(inner.issuer.issuer(), subject, None, LISTED);
        let mut listed = within(inner.store_timeout, list).await?;
        let surplus = (listed.sessions.len() + 1).saturating_sub(max);
        if surplus > 0 && overflow == Overflow::Refuse {
            return Err(SessionError::new(SessionErrorKind::TooManySessions));
        }
        listed.sessions.truncate(surplus);
        Ok((listed.now, listed.sessions))
    }
}
