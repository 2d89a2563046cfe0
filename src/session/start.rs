use uuid::Uuid;

use super::{
    Grant, KeyProof, SessionError, SessionErrorKind, SessionEventKind, Sessions,
    authentication::Authentication,
    lifetimes::Lifetimes,
    mint::{Asked, Minting},
    patience::within,
    refresh_token::Series,
    resources,
};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Extra, Record, Session, SessionSecret, SessionState, SessionStore},
    token::TokenResponse,
};

impl<St: SessionStore> Sessions<St> {
    /// Starts a session for a user who has just logged in, and gives its first tokens.
    ///
    /// # Errors
    ///
    /// - [`InvalidRequest`](SessionErrorKind::InvalidRequest): the subject, the client or the scope
    ///   is beyond the [limits](Grant#limits).
    /// - [`InvalidTarget`](SessionErrorKind::InvalidTarget): a resource is no absolute URI, or has a
    ///   fragment.
    /// - [`Grant`](SessionErrorKind::Grant): the grant is malformed, or its claims make the access
    ///   token too long.
    /// - [`TooManySessions`](SessionErrorKind::TooManySessions): the subject has as many sessions
    ///   as allowed, with [`Overflow::Refuse`](super::Overflow::Refuse).
    /// - [`Unavailable`](SessionErrorKind::Unavailable): the store or a [signer](crate::jws::Signer) failed or was too
    ///   slow, or the key ring could not be read for too long.
    /// - [`Store`](SessionErrorKind::Store): the store can never keep such a session.
    /// - [`Signing`](SessionErrorKind::Signing): the tokens could not be signed.
    pub async fn start(&self, grant: Grant) -> Result<TokenResponse, SessionError> {
        let grant = grant.validated()?;
        let inner = &self.0;
        self.look_for_room(&grant.subject).await?;
        let now = self.now_for(&grant.subject).await?;
        let proof = grant.proof.clone();
        let address = grant.address();
        let id = SessionId::from_uuid(Uuid::now_v7());
        let record = self.new_session(grant, now, inner.lifetimes(), (id, fresh_secret()?))?;
        let tokens = self.first_tokens(&record, now, proof.as_ref()).await?;
        within(inner.store_timeout, inner.store.insert(&record)).await?;
        self.give_way(&record.session).await?;
        self.tell(SessionEventKind::Started, &record, None, address);
        // The session has started. If the store fails now, the next login makes up for it.
        let _ = self.evict_oldest(&record.session.subject, address).await;
        Ok(tokens)
    }

    /// The time of a login. If tokens of this second are outdated, it is in the next one.
    async fn now_for(&self, subject: &str) -> Result<Timestamp, SessionError> {
        let (timeout, store) = (self.0.store_timeout, &self.0.store);
        let now = within(timeout, store.now()).await?;
        let issuer = self.0.issuer.issuer();
        match self.0.outdated.wait_out(issuer, subject, now).await {
            true => Ok(within(timeout, store.now()).await?),
            false => Ok(now),
        }
    }

    /// The tokens of generation 0.
    pub(super) async fn first_tokens(
        &self,
        record: &Record,
        now: Timestamp,
        proof: Option<&KeyProof>,
    ) -> Result<TokenResponse, SessionError> {
        let Record { session, state } = record;
        let scope = session.scope.clone();
        let audience = resources::audience(&[], session, self.0.issuer.audience())?;
        self.mint(
            &Minting {
                session,
                state,
                jti: Series::of(session).jti(state.generation, None),
                authentication: Authentication::of_login(session),
                now,
                issued_at: self.0.outdated.issue_at(session, now),
                proof,
            },
            Asked { scope, audience },
            &session.claims,
        )
        .await
    }

    pub(super) fn new_session(
        &self,
        grant: Grant,
        now: Timestamp,
        configured: Lifetimes,
        (id, secret): (SessionId, SessionSecret),
    ) -> Result<Record, SessionError> {
        let proof = grant.proof.as_ref().map(|proof| proof.thumbprint().clone());
        let auth_time = grant.authenticated_at(now);
        let context = grant.context.clone().unwrap_or_default();
        let (idle_lifetime, lifetime) = grant.lifetimes(configured)?;
        let session = Session {
            id,
            issuer: self.0.issuer.issuer().to_owned(),
            subject: grant.subject,
            secret,
            created_at: now,
            auth_time,
            ends_at: now + lifetime,
            scope: grant.scope,
            client_id: grant.client_id,
            claims: grant.claims,
            metadata: grant.metadata,
            idle_lifetime,
            extra: Extra::default()
                .with_acr(grant.acr)
                .with_amr(grant.amr)
                .with_resources(resources::distinct(grant.resources))
                .with_actor(grant.actor.as_ref())
                .with_cookies(grant.cookies_end_with_browser),
        };
        let idle = now + self.0.policy.idle_lifetime_of(&session);
        let mut state = SessionState::new(session.ends_at.min(idle));
        state.bound_to = proof;
        self.note_seen(&mut state, &context);
        Ok(Record { session, state })
    }
}

/// A secret that nobody else knows.
pub(super) fn fresh_secret() -> Result<SessionSecret, SessionError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| SessionError::with_source(SessionErrorKind::Unavailable, error))?;
    Ok(SessionSecret::from_bytes(secret))
}
