use std::time::Duration;

use tokio::time::Instant;

use super::{
    Presented, PrivateClaims, RefreshDecision, RefreshOutcome, RefreshRequest, Refreshed, Refusal,
    Reuse, RevokeReason, Session, SessionError, SessionErrorKind, SessionEvent, SessionEventKind,
    Sessions, Verdict, decide, is_other_client, within,
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

/// A session as it was loaded, and what the decision makes of it.
struct Decided {
    session: Session,
    /// The store's time.
    now: Timestamp,
    /// Before the load.
    since: Instant,
    verdict: Verdict,
    /// To be swapped in.
    next: Option<Session>,
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
        let decided = self.load_and_decide(attempt).await?;
        let (session, token) = (&decided.session, attempt.token);
        let presenter = attempt.request.client_id.as_deref();
        let is_forged = decided.verdict == Verdict::Refused(Refusal::Forged);
        if !is_forged && is_other_client(presenter, session) {
            return Err(self.refuse(Refusal::OtherClient, session, token));
        }
        match decided.verdict {
            Verdict::Refused(refusal) => Err(self.refuse(refusal, session, token)),
            Verdict::Reuse(reuse) => self.punish(reuse, &decided, token).await,
            _ => self.accept(attempt, decided).await,
        }
    }

    async fn load_and_decide(&self, attempt: &Attempt<'_>) -> Result<Decided, SessionError> {
        let since = Instant::now();
        let (session, now) = self.load_own(attempt).await?;
        let (token, policy) = (attempt.token, &self.0.policy);
        let verdict = decide(&session, token, now, policy);
        Ok(Decided {
            next: verdict.apply(&session, token, now, policy),
            session,
            now,
            since,
            verdict,
        })
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

    /// Rows 9 and 10: the session ends, for thief and victim alike.
    async fn punish(
        &self,
        reuse: Reuse,
        decided: &Decided,
        token: Presented,
    ) -> Result<Option<Refreshed>, SessionError> {
        let event = Some((SessionEventKind::Reused(reuse), token));
        let swap = self.write(&decided.session, decided.next.as_ref(), event);
        match swap.await? {
            Swap::Lost => Ok(None),
            Swap::Swapped => Err(SessionError::refused(Refusal::Reused)),
        }
    }

    async fn accept(
        &self,
        attempt: &mut Attempt<'_>,
        decided: Decided,
    ) -> Result<Option<Refreshed>, SessionError> {
        let (session, next) = (&decided.session, decided.next.as_ref());
        let scope = narrowed(attempt.request.scope.as_ref(), &session.scope)?;
        let private = self.ask_application(attempt, session).await?;
        let live = next.unwrap_or(session);
        let tokens = self.mint(live, decided.now, scope, &private)?;
        if next.is_some() && self.is_stale(decided.since) {
            return Ok(None);
        }
        let (outcome, event) = outcome(decided.verdict);
        let event = event.map(|event| (event, attempt.token));
        if self.write(session, next, event).await? == Swap::Lost {
            return Ok(None);
        }
        Ok(Some(Refreshed {
            tokens,
            outcome,
            session: decided.next.unwrap_or(decided.session).into(),
        }))
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
