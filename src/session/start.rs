use uuid::Uuid;

use super::{
    EndReason, Grant, Overflow, SessionError, SessionErrorKind, SessionEventKind, Sessions,
    patience::within, verdict::ended,
};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Extra, Record, Session, SessionSecret, SessionState, SessionStore},
    token::TokenResponse,
};

/// How many sessions of a subject are listed when their number is limited.
const LISTED: usize = 2000;

impl<St: SessionStore> Sessions<St> {
    /// Starts a session for a user who has just logged in, and gives its first tokens.
    ///
    /// # Errors
    ///
    /// - [`Grant`](SessionErrorKind::Grant): the grant is malformed, or its claims make the access
    ///   token too long.
    /// - [`TooManySessions`](SessionErrorKind::TooManySessions): the subject has as many sessions
    ///   as allowed, with [`Overflow::Refuse`].
    /// - [`Unavailable`](SessionErrorKind::Unavailable): the store failed.
    /// - [`Signing`](SessionErrorKind::Signing): the tokens could not be signed.
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
        let record = self.new_session(grant, now)?;
        let Record { session, state } = &record;
        let tokens = self.mint(session, state, now, session.scope.clone(), &session.claims)?;
        within(inner.store_timeout, inner.store.insert(&record)).await?;
        self.tell(SessionEventKind::Started, &record, None);
        for oldest in &surplus {
            // A session that was refreshed meanwhile may stay: the limit is best effort.
            let evicted = ended(&oldest.state, EndReason::Evicted, now);
            if self.write(oldest, Some(&evicted), None).await.is_err() {
                break;
            }
        }
        Ok(tokens)
    }

    fn new_session(&self, grant: Grant, now: Timestamp) -> Result<Record, SessionError> {
        let (idle_lifetime, lifetime) = grant.lifetimes(self.0.lifetimes())?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| SessionError::with_source(SessionErrorKind::Unavailable, error))?;
        let session = Session {
            id: SessionId::from_uuid(Uuid::now_v7()),
            issuer: self.0.issuer.issuer().to_owned(),
            subject: grant.subject,
            secret: SessionSecret::from_bytes(secret),
            created_at: now,
            auth_time: grant.auth_time.unwrap_or(now),
            ends_at: now + lifetime,
            scope: grant.scope,
            client_id: grant.client_id,
            claims: grant.claims,
            metadata: grant.metadata,
            idle_lifetime,
            extra: Extra::default(),
        };
        let idle = now + self.0.policy.idle_lifetime_of(&session);
        let state = SessionState::new(session.ends_at.min(idle));
        Ok(Record { session, state })
    }

    /// The time by the store's clock, and the oldest sessions of the subject that have to be ended
    /// to make room for one more.
    async fn surplus(
        &self,
        subject: &str,
        max: usize,
        overflow: Overflow,
    ) -> Result<(Timestamp, Vec<Record>), SessionError> {
        let inner = &self.0;
        let list = inner
            .store
            .list(inner.issuer.issuer(), subject, None, LISTED);
        let mut listed = within(inner.store_timeout, list).await?;
        if listed.records.len() >= max && overflow == Overflow::Refuse {
            return Err(SessionError::new(SessionErrorKind::TooManySessions));
        }
        // The newest come first. One place is for the new session.
        listed
            .records
            .drain(..max.saturating_sub(1).min(listed.records.len()));
        Ok((listed.now, listed.records))
    }
}
