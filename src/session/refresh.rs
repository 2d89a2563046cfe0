use std::time::Duration;

use tokio::time::Instant;

use super::{
    Presented, PrivateClaims, RefreshDecision, RefreshOutcome, RefreshRequest, Refreshed, Refusal,
    Reuse, RevokeReason, Session, SessionError, SessionErrorKind, SessionEvent, SessionEventKind,
    SessionInfo, Sessions, Verdict, decide, is_other_client, within,
};
use crate::{
    claims::{Scope, SessionId},
    clock::Timestamp,
    store::{Loaded, SessionStore, StoreError, StoreErrorKind, Swap},
};

const TRIES: u32 = 5;
const JITTER: Duration = Duration::from_millis(8);

/// One refresh on its way through load, decision and swap.
struct Attempt<'a> {
    request: &'a RefreshRequest,
    id: SessionId,
    token: Presented,
    /// What the application said. It is asked once, however often the swap loses.
    said: Option<RefreshDecision>,
}

impl<St: SessionStore> Sessions<St> {
    /// Exchanges a refresh token (RFC 6749 §6) for an access token and the live refresh token.
    ///
    /// # Errors
    ///
    /// [`InvalidGrant`](SessionErrorKind::InvalidGrant) where the token is refused,
    /// [`InvalidScope`](SessionErrorKind::InvalidScope) where the requested scope goes beyond
    /// the session's, [`Unavailable`](SessionErrorKind::Unavailable) where the store or the
    /// application's hook fails or is too slow: then the client keeps its token.
    pub async fn refresh(&self, request: RefreshRequest) -> Result<Refreshed, SessionError> {
        let opened = self
            .0
            .refresh_key
            .open(request.token.expose(), self.0.issuer.issuer());
        let (id, token) = opened.ok_or_else(|| SessionError::refused(Refusal::Malformed))?;
        let mut attempt = Attempt {
            request: &request,
            id,
            token,
            said: None,
        };
        for tried in 0..TRIES {
            if tried > 0 {
                tokio::time::sleep(jitter(tried)).await;
            }
            if let Some(refreshed) = self.attempt(&mut attempt).await? {
                return Ok(refreshed);
            }
        }
        Err(StoreError::new(StoreErrorKind::Busy).into())
    }

    /// Loads, decides, swaps. Nothing where the swap lost or came too late.
    async fn attempt(&self, attempt: &mut Attempt<'_>) -> Result<Option<Refreshed>, SessionError> {
        let since = Instant::now();
        let (session, now) = self.load_own(attempt).await?;
        let verdict = decide(&session, attempt.token, now, &self.0.policy);
        let presenter = attempt.request.client_id.as_deref();
        if verdict != Verdict::Refused(Refusal::Forged) && is_other_client(presenter, &session) {
            return Err(self.refuse(Refusal::OtherClient, &session, attempt.token));
        }
        match verdict {
            Verdict::Refused(refusal) => Err(self.refuse(refusal, &session, attempt.token)),
            Verdict::Reuse(reuse) => self.punish(reuse, &session, attempt.token, now).await,
            _ => self.accept(attempt, verdict, &session, now, since).await,
        }
    }

    async fn load_own(&self, attempt: &Attempt<'_>) -> Result<(Session, Timestamp), SessionError> {
        let load = self.0.store.load(attempt.id);
        let Loaded { session, now } = within(self.0.store_timeout, load).await?;
        match session.filter(|session| session.issuer == self.0.issuer.issuer()) {
            Some(session) => Ok((session, now)),
            None => {
                self.0.events.tell(&SessionEvent {
                    kind: SessionEventKind::Refused(Refusal::Unknown),
                    session: attempt.id,
                    subject: None,
                    distance: 0,
                });
                Err(SessionError::refused(Refusal::Unknown))
            }
        }
    }

    fn refuse(&self, refusal: Refusal, session: &Session, token: Presented) -> SessionError {
        if refusal == Refusal::Revoked {
            self.0.ended.note(session.id);
        }
        self.tell(SessionEventKind::Refused(refusal), session, Some(token));
        SessionError::refused(refusal)
    }

    /// Rows 9 and 10: the session ends, for thief and victim alike. A thief who hangs up stops
    /// neither that nor the word of it.
    async fn punish(
        &self,
        reuse: Reuse,
        session: &Session,
        token: Presented,
        now: Timestamp,
    ) -> Result<Option<Refreshed>, SessionError> {
        let event = SessionEventKind::Reused(reuse);
        if self.0.policy.revoke_on_reuse {
            let cause = Some((event, token));
            let reason = RevokeReason::Reuse;
            if self.revoke_as(session, reason, now, cause).await? == Swap::Lost {
                return Ok(None);
            }
        } else {
            self.tell(event, session, Some(token));
        }
        Err(SessionError::refused(Refusal::Reused))
    }

    async fn accept(
        &self,
        attempt: &mut Attempt<'_>,
        verdict: Verdict,
        session: &Session,
        now: Timestamp,
        since: Instant,
    ) -> Result<Option<Refreshed>, SessionError> {
        let scope = narrowed(attempt.request.scope.as_ref(), &session.scope)?;
        let private = self.ask_application(attempt, session).await?;
        let next = verdict.apply(session, attempt.token, now, &self.0.policy);
        let live = next.as_ref().unwrap_or(session);
        let tokens = self.mint(live, now, &scope, &private)?;
        let (outcome, event) = outcome(verdict);
        let event = event.map(|event| (event, attempt.token));
        if next.is_some() && self.is_stale(since) {
            return Ok(None);
        }
        if self.write(session, next.as_ref(), event).await? == Swap::Lost {
            return Ok(None);
        }
        Ok(Some(Refreshed {
            tokens,
            outcome,
            session: SessionInfo::from(live),
        }))
    }

    /// Swaps, where there is something to write, and tells of it. What is told must not be lost
    /// with a client that hangs up; a plain rotation is no event and needs no such care.
    async fn write(
        &self,
        session: &Session,
        next: Option<&Session>,
        event: Option<(SessionEventKind, Presented)>,
    ) -> Result<Swap, SessionError> {
        match (next, event) {
            (None, None) => Ok(Swap::Swapped),
            (None, Some((kind, token))) => {
                self.tell(kind, session, Some(token));
                Ok(Swap::Swapped)
            }
            (Some(next), None) => {
                let swap = self.0.store.swap(session.version, next);
                Ok(within(self.0.store_timeout, swap).await?)
            }
            (Some(next), Some((kind, token))) => {
                let (sessions, session, next) = (self.clone(), session.clone(), next.clone());
                self.to_the_end(async move {
                    let swap = sessions.0.store.swap(session.version, &next).await?;
                    if swap == Swap::Swapped {
                        sessions.tell(kind, &session, Some(token));
                    }
                    Ok(swap)
                })
                .await
            }
        }
    }

    async fn ask_application(
        &self,
        attempt: &mut Attempt<'_>,
        session: &Session,
    ) -> Result<PrivateClaims, SessionError> {
        let Some(hook) = &self.0.hook else {
            return Ok(session.claims.clone());
        };
        if attempt.said.is_none() {
            let unavailable = SessionErrorKind::Unavailable;
            let said = tokio::time::timeout(self.0.hook_timeout, hook.ask(session.into()))
                .await
                .map_err(|elapsed| SessionError::with_source(unavailable, elapsed))?
                .map_err(|error| SessionError::with_source(unavailable, error))?;
            attempt.said = Some(said);
        }
        match &attempt.said {
            Some(RefreshDecision::ContinueWith(claims)) => Ok(claims.clone()),
            Some(RefreshDecision::RefuseAndEnd) => {
                self.end_now(session, RevokeReason::Refused).await?;
                Err(self.refuse(Refusal::Subject, session, attempt.token))
            }
            Some(RefreshDecision::Refuse) => {
                Err(self.refuse(Refusal::Subject, session, attempt.token))
            }
            Some(RefreshDecision::Continue) | None => Ok(session.claims.clone()),
        }
    }

    /// A swap long after its load would date the delivery too early and so shrink the window.
    fn is_stale(&self, since: Instant) -> bool {
        let window = self.0.policy.reuse_window;
        !window.is_zero() && since.elapsed() > window / 4
    }
}

/// The requested scope, which may narrow the granted one and never widen it.
fn narrowed(requested: Option<&Scope>, granted: &Scope) -> Result<Scope, SessionError> {
    match requested.filter(|requested| !requested.is_empty()) {
        None => Ok(granted.clone()),
        Some(requested) if requested.is_subset(granted) => Ok(requested.clone()),
        Some(_) => Err(SessionError::new(SessionErrorKind::InvalidScope)),
    }
}

/// A plain rotation is no event; everything else is.
fn outcome(verdict: Verdict) -> (RefreshOutcome, Option<SessionEventKind>) {
    match verdict {
        Verdict::Current => (RefreshOutcome::Current, Some(SessionEventKind::Repeated)),
        Verdict::Neighbour => (
            RefreshOutcome::Redelivered,
            Some(SessionEventKind::Neighbour),
        ),
        Verdict::Late => (
            RefreshOutcome::Redelivered,
            Some(SessionEventKind::LateRedelivery),
        ),
        Verdict::Restore => (
            RefreshOutcome::Restored,
            Some(SessionEventKind::StoreLostWrites),
        ),
        _ => (RefreshOutcome::Rotated, None),
    }
}

/// Up to `tried` times a few milliseconds, so that those who lost together do not meet again.
fn jitter(tried: u32) -> Duration {
    let mut random = [0; 1];
    // Without randomness the losers meet again, which the tries allow for.
    let _ = getrandom::fill(&mut random);
    JITTER * tried * u32::from(random[0]) / 256
}
