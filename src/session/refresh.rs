use std::time::Duration;

use tokio::time::Instant;

use super::{
    PresentedToken, PrivateClaims, RefreshDecision, RefreshOutcome, RefreshRequest, RefreshVerdict,
    Refreshed, Refusal, Reuse, RevokeReason, SessionError, SessionErrorKind, SessionEvent,
    SessionEventKind, SessionInfo, Sessions, decide, is_other_client, patience::within,
    refresh_token::OpenedToken,
};
use crate::{
    claims::Scope,
    clock::Timestamp,
    store::{Loaded, Record, SessionState, SessionStore, StoreError, StoreErrorKind, Swap},
};

const TRIES: u32 = 5;
const JITTER: Duration = Duration::from_millis(8);

/// One refresh on its way through load, decision and swap.
struct Attempt<'a> {
    request: &'a RefreshRequest,
    token: OpenedToken,
    /// What the application said. It is asked once, however often the swap loses.
    said: Option<RefreshDecision>,
}

/// A session as it was loaded, and what the decision makes of it.
struct Decided {
    record: Record,
    token: PresentedToken,
    /// The store's time.
    now: Timestamp,
    /// Before the load.
    since: Instant,
    verdict: RefreshVerdict,
    /// To be swapped in.
    next: Option<SessionState>,
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
        let token = opened.ok_or_else(|| SessionError::refused(Refusal::Malformed))?;
        let mut attempt = Attempt {
            request: &request,
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
        let (record, token) = (&decided.record, decided.token);
        if token.is_genuine
            && let Some(refusal) = bound_elsewhere(attempt.request, record)
        {
            return Err(self.refuse(refusal, record, token));
        }
        match decided.verdict {
            RefreshVerdict::Refused(refusal) => Err(self.refuse(refusal, record, token)),
            RefreshVerdict::Reuse(reuse) => self.punish(reuse, &decided).await,
            _ => self.accept(attempt, decided).await,
        }
    }

    async fn load_and_decide(&self, attempt: &Attempt<'_>) -> Result<Decided, SessionError> {
        let since = Instant::now();
        let (record, now) = self.load_own(attempt).await?;
        let token = attempt.token.presented_to(&record.session);
        let policy = &self.0.policy;
        let verdict = decide(&record, token, now, policy);
        Ok(Decided {
            next: verdict.apply(&record, token, now, policy),
            record,
            token,
            now,
            since,
            verdict,
        })
    }

    async fn load_own(&self, attempt: &Attempt<'_>) -> Result<(Record, Timestamp), SessionError> {
        let id = attempt.token.session;
        let Loaded { record, now } = within(self.0.store_timeout, self.0.store.load(id)).await?;
        match record.filter(|record| record.session.issuer == self.0.issuer.issuer()) {
            Some(record) => Ok((record, now)),
            None => {
                self.0.events.tell(&SessionEvent {
                    kind: SessionEventKind::Refused(Refusal::Unknown),
                    session: id,
                    subject: None,
                    distance: 0,
                });
                Err(SessionError::refused(Refusal::Unknown))
            }
        }
    }

    fn refuse(&self, refusal: Refusal, record: &Record, token: PresentedToken) -> SessionError {
        if refusal == Refusal::Revoked {
            self.0.ended.note(record.session.id);
        }
        self.tell(SessionEventKind::Refused(refusal), record, Some(token));
        SessionError::refused(refusal)
    }

    /// Rows 9 and 10: the session ends, for thief and victim alike.
    async fn punish(
        &self,
        reuse: Reuse,
        decided: &Decided,
    ) -> Result<Option<Refreshed>, SessionError> {
        let event = Some((SessionEventKind::Reused(reuse), decided.token));
        let swap = self.write(&decided.record, decided.next.as_ref(), event);
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
        let (record, next) = (&decided.record, decided.next.as_ref());
        let session = &record.session;
        let scope = narrowed(attempt.request.scope.as_ref(), &session.scope)?;
        let private = self.ask_application(attempt, &decided).await?;
        let live = next.unwrap_or(&record.state);
        let tokens = self.mint(session, live, decided.now, scope, &private)?;
        if next.is_some() && self.is_stale(decided.since) {
            return Ok(None);
        }
        let (outcome, event) = outcome(decided.verdict);
        let event = event.map(|event| (event, decided.token));
        if self.write(record, next, event).await? == Swap::Lost {
            return Ok(None);
        }
        let refreshed_at = live.last_refreshed_at;
        Ok(Some(Refreshed {
            tokens,
            outcome,
            session: SessionInfo::new(decided.record.session, refreshed_at),
        }))
    }

    async fn ask_application(
        &self,
        attempt: &mut Attempt<'_>,
        decided: &Decided,
    ) -> Result<PrivateClaims, SessionError> {
        let record = &decided.record;
        let Some(hook) = &self.0.hook else {
            return Ok(record.session.claims.clone());
        };
        if attempt.said.is_none() {
            let unavailable = SessionErrorKind::Unavailable;
            let said = tokio::time::timeout(self.0.hook_timeout, hook.ask(record.clone().into()))
                .await
                .map_err(|elapsed| SessionError::with_source(unavailable, elapsed))?
                .map_err(|error| SessionError::with_source(unavailable, error))?;
            attempt.said = Some(said);
        }
        match &attempt.said {
            Some(RefreshDecision::ContinueWith(claims)) => Ok(claims.clone()),
            Some(RefreshDecision::RefuseAndEnd) => {
                self.end_now(record, RevokeReason::Refused).await?;
                Err(self.refuse(Refusal::Subject, record, decided.token))
            }
            Some(RefreshDecision::Refuse) => {
                Err(self.refuse(Refusal::Subject, record, decided.token))
            }
            Some(RefreshDecision::Continue) | None => Ok(record.session.claims.clone()),
        }
    }

    /// A swap long after its load would date the delivery too early and so shrink the window.
    fn is_stale(&self, since: Instant) -> bool {
        let window = self.0.policy.reuse_window;
        !window.is_zero() && since.elapsed() > window / 4
    }
}

/// Why a genuine token is not its presenter's to use: the session is another client's, or is
/// bound to a key.
fn bound_elsewhere(request: &RefreshRequest, record: &Record) -> Option<Refusal> {
    if is_other_client(request.client_id.as_deref(), &record.session) {
        return Some(Refusal::OtherClient);
    }
    record.state.bound_to.as_ref().map(|_| Refusal::Unproven)
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
fn outcome(verdict: RefreshVerdict) -> (RefreshOutcome, Option<SessionEventKind>) {
    match verdict {
        RefreshVerdict::Current => (RefreshOutcome::Current, Some(SessionEventKind::Repeated)),
        RefreshVerdict::Neighbour => (
            RefreshOutcome::Redelivered,
            Some(SessionEventKind::Neighbour),
        ),
        RefreshVerdict::Late => (
            RefreshOutcome::Redelivered,
            Some(SessionEventKind::LateRedelivery),
        ),
        RefreshVerdict::Restore => (
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
