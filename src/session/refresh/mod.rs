use std::{mem, net::IpAddr};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    ExcessScope, KeyProof, Possession, PresentedToken, RefreshOutcome, RefreshRequest,
    RefreshVerdict, Refreshed, Refusal, Reuse, SessionError, SessionErrorKind, SessionEventKind,
    SessionInfo, Sessions,
    authentication::Renewal,
    consult::{Consulted, Question},
    decide,
    event::Told,
    is_other_client,
    mint::{Asked, Minting},
    refresh_token::{OpenedToken, Series},
    resources,
    tries::Tries,
    write::ToTell,
};
use crate::{
    claims::{KeyThumbprint, Scope, SessionId},
    clock::Timestamp,
    device_key::is_of_device,
    jws::SignError,
    store::{Loaded, Record, SessionState, SessionStore, Swap},
    token::TokenResponse,
};

/// One refresh on its way through load, decision and swap.
struct Attempt<'a> {
    request: &'a RefreshRequest,
    token: OpenedToken,
    consulted: Consulted,
    /// Whether tokens were signed too late for their write.
    was_late: bool,
}

/// A session as it was loaded, and the verdict on the presented token.
struct Decided {
    record: Record,
    token: PresentedToken,
    /// When the session was loaded, by the store's clock.
    now: Timestamp,
    /// When an access token is issued if the application is asked now.
    issued_at: Timestamp,
    /// When the load was started, by this process's clock.
    since: Instant,
    verdict: RefreshVerdict,
    /// The state to be swapped in, if the verdict changes it.
    next: Option<SessionState>,
    /// The `jti` of the refresh token that is live then.
    jti: Uuid,
}

impl Decided {
    fn live(&self) -> &SessionState {
        self.next.as_ref().unwrap_or(&self.record.state)
    }

    fn has_key(&self) -> bool {
        self.token.possession == Possession::Proven
    }

    fn answered(
        self,
        tokens: TokenResponse,
        outcome: RefreshOutcome,
        line: Option<u32>,
    ) -> Refreshed {
        let has_key = self.has_key();
        let Record { session, state } = self.record;
        let state = self.next.unwrap_or(state);
        Refreshed {
            tokens,
            outcome,
            session: SessionInfo::known_to(session, &state, line, has_key),
        }
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Exchanges a refresh token for an access token and the live refresh token (RFC 6749 §6).
    ///
    /// A token that is none of this issuer's is [adopted](Self::adopt), if there is a
    /// [`Takeover`](super::Takeover).
    ///
    /// # Errors
    ///
    /// - [`InvalidGrant`](SessionErrorKind::InvalidGrant): the token is refused. It may be good, but
    ///   lack the [proof](RefreshRequest::proof) that its session asks for
    ///   ([`Refusal::Unproven`], [`Refusal::UnprovenDevice`]).
    /// - [`InvalidScope`](SessionErrorKind::InvalidScope): the requested scope goes beyond the
    ///   session's, and the [setting](super::SessionsBuilder::excess_scope) does not let that pass.
    /// - [`InvalidTarget`](SessionErrorKind::InvalidTarget): a requested resource was not granted.
    /// - [`Unavailable`](SessionErrorKind::Unavailable): the store or the application's hook
    ///   failed or was too slow. The client keeps its token and may present it again.
    /// - [`Throttled`](SessionErrorKind::Throttled): the hook has said
    ///   [`Throttle`](super::RefreshDecision::Throttle). The client keeps its token too.
    /// - [`Store`](SessionErrorKind::Store): the session in the store cannot be read.
    /// - [`Grant`](SessionErrorKind::Grant): the claims make the access token too long.
    /// - [`Signing`](SessionErrorKind::Signing): the tokens could not be signed.
    pub async fn refresh(&self, request: RefreshRequest) -> Result<Refreshed, SessionError> {
        let refreshed = self.until_settled(request).await;
        self.0.meter.refreshed(&refreshed);
        refreshed
    }

    /// Tries as often as swaps are lost to others.
    async fn until_settled(&self, request: RefreshRequest) -> Result<Refreshed, SessionError> {
        let opened = self
            .0
            .refresh_key
            .open(request.token.expose(), self.0.issuer.issuer())?;
        match opened {
            Some(token) => self.exchange(&request, token).await,
            // It may be one of another program. The future is seldom needed.
            None => Box::pin(self.take_over(request)).await,
        }
    }

    /// Answers a refresh token that is one of this issuer's, or stands for one.
    pub(super) async fn exchange(
        &self,
        request: &RefreshRequest,
        token: OpenedToken,
    ) -> Result<Refreshed, SessionError> {
        let mut attempt = Attempt {
            request,
            token,
            consulted: Consulted::default(),
            was_late: false,
        };
        let mut tries = Tries::default();
        loop {
            tries.begin().await?;
            if let Some(refreshed) = self.attempt(&mut attempt).await? {
                return Ok(refreshed);
            }
        }
    }

    /// Loads the session, decides and swaps. `None` if the swap was lost or came too late, so
    /// that the refresh has to be tried again.
    async fn attempt(&self, attempt: &mut Attempt<'_>) -> Result<Option<Refreshed>, SessionError> {
        let mut decided = self.load_and_decide(attempt).await?;
        let (record, token) = (&decided.record, decided.token);
        let address = attempt.request.context.address();
        if token.is_genuine
            && is_other_client(attempt.request.client_id.as_deref(), &record.session)
        {
            return Err(self.refuse(Refusal::OtherClient, record, token, address));
        }
        match decided.verdict {
            RefreshVerdict::Refused(refusal @ Refusal::UnprovenDevice)
                if attempt.request.may_lack_a_proof() =>
            {
                Err(SessionError::refused(refusal))
            }
            RefreshVerdict::Refused(refusal) => Err(self.refuse(refusal, record, token, address)),
            RefreshVerdict::Reuse(reuse) => self.punish(reuse, &decided, address).await,
            // After a reuse, which is told as one and ends the session too.
            _ if self.0.ended.contains(record.session.id) => {
                self.end_at_last(record, address).await?;
                Err(self.refuse(Refusal::Ended, record, token, address))
            }
            _ => {
                let accepted = self.accept(attempt, &mut decided).await?;
                let line = attempt.token.line;
                Ok(accepted.map(|(tokens, outcome)| decided.answered(tokens, outcome, line)))
            }
        }
    }

    async fn load_and_decide(&self, attempt: &Attempt<'_>) -> Result<Decided, SessionError> {
        let opened = &attempt.token;
        let (since, Loaded { record, now }) = self.load_in_time(opened.session).await?;
        let record = record.ok_or_else(|| self.unknown(attempt))?;
        let bound_to = record.state.bound_to.as_ref().or(opened.bound_to.as_ref());
        let proof = attempt.request.proof.as_ref();
        let series = Series::of(&record.session);
        let token = opened
            .presented_to(&series)
            .with_possession(possession(bound_to, proof));
        let issued_at = self.0.outdated.issue_at(&record.session, now);
        let policy = &self.0.policy;
        let verdict = named(decide(&record, token, now, policy), bound_to);
        let mut next = verdict.apply(&record, token, now, policy);
        if verdict.is_accepted()
            && record.state.bound_to.is_none()
            && let Some(key) = bound_to
        {
            next = Some(bound_again(next, &record.state, key, now));
        }
        if verdict.is_accepted()
            && let Some(next) = &mut next
        {
            self.note_seen(next, &attempt.request.context);
        }
        let live = next.as_ref().unwrap_or(&record.state);
        let jti = series.jti(live.generation, None);
        Ok(Decided {
            jti,
            next,
            record,
            token,
            now,
            issued_at,
            since,
            verdict,
        })
    }

    /// The session, and when it began to be loaded. If tokens of this second are outdated, the second is waited out,
    /// and the roles are read after that: a token with a later time than its roles would outlive another change of
    /// them.
    pub(super) async fn load_in_time(
        &self,
        id: SessionId,
    ) -> Result<(Instant, Loaded), SessionError> {
        let since = Instant::now();
        let loaded = self.load(id).await?;
        if let Some(Record { session, .. }) = &loaded.record {
            let outdated = &self.0.outdated;
            let waited = outdated.wait_out(&session.issuer, &session.subject, loaded.now);
            if waited.await {
                let since = Instant::now();
                return Ok((since, self.load(id).await?));
            }
        }
        Ok((since, loaded))
    }

    fn unknown(&self, attempt: &Attempt<'_>) -> SessionError {
        self.0.events.tell(&Told {
            kind: SessionEventKind::Refused(Refusal::Unknown),
            session: attempt.token.session,
            subject: None,
            actor: None,
            distance: 0,
            address: attempt.request.context.address(),
        });
        SessionError::refused(Refusal::Unknown)
    }

    pub(super) fn refuse(
        &self,
        refusal: Refusal,
        record: &Record,
        token: PresentedToken,
        address: Option<IpAddr>,
    ) -> SessionError {
        if refusal == Refusal::Ended {
            self.0.ended.note(record.session.id);
        }
        self.tell(
            SessionEventKind::Refused(refusal),
            record,
            Some(token),
            address,
        );
        SessionError::refused(refusal)
    }

    /// Ends the session of a reused token (rows 9 and 10), for the thief and the victim alike.
    async fn punish(
        &self,
        reuse: Reuse,
        decided: &Decided,
        address: Option<IpAddr>,
    ) -> Result<Option<Refreshed>, SessionError> {
        let event = Some((SessionEventKind::Reused(reuse), decided.token));
        let to_tell = ToTell { event, address };
        let swap = self.write(&decided.record, decided.next.as_ref(), to_tell);
        match swap.await? {
            Swap::Lost => Ok(None),
            Swap::Swapped => Err(SessionError::refused(Refusal::Reused)),
        }
    }

    async fn accept(
        &self,
        attempt: &mut Attempt<'_>,
        decided: &mut Decided,
    ) -> Result<Option<(TokenResponse, RefreshOutcome)>, SessionError> {
        let address = attempt.request.context.address();
        let is_unbound = decided.token.possession == Possession::Unbound;
        if is_unbound && attempt.request.must_be_bound(&decided.record.session) {
            return Err(self.refuse(Refusal::Unbound, &decided.record, decided.token, address));
        }
        // The window began with the load.
        let window = self.0.policy.reuse_window;
        let since = decided.since;
        let left = || window.saturating_sub(since.elapsed());
        let tokens = self.tokens(attempt, decided).await;
        // A redelivery that could not be signed is for nothing only within the window.
        let tokens = tokens.map_err(|error| match error.kind() {
            SessionErrorKind::Unavailable => error.of_a_write(left()),
            _ => error,
        })?;
        let (record, next) = (&decided.record, decided.next.as_ref());
        if next.is_some() && self.is_stale(since) {
            let was_late = mem::replace(&mut attempt.was_late, true);
            return match was_late && self.0.issuer.keys().signer_timeout().is_some() {
                // Whoever signs for many does not get faster by being asked for this one again and again.
                true => Err(SessionError::from(SignError::too_slow()).of_a_write(left())),
                false => Ok(None),
            };
        }
        let (mut outcome, event) = RefreshOutcome::of(decided.verdict);
        if outcome == RefreshOutcome::Current && attempt.token.bound_to != decided.live().bound_to {
            outcome = RefreshOutcome::Redelivered;
        }
        let event = Some((event, decided.token));
        let written = self.write(record, next, ToTell { event, address }).await;
        if written.map_err(|error| error.of_a_write(left()))? == Swap::Lost {
            return Ok(None);
        }
        Ok(Some((tokens, outcome)))
    }

    /// The tokens of an accepted refresh, unless what it asks for is more than was granted or the application
    /// refuses it.
    async fn tokens(
        &self,
        attempt: &mut Attempt<'_>,
        decided: &mut Decided,
    ) -> Result<TokenResponse, SessionError> {
        let (request, line) = (attempt.request, attempt.token.line);
        let (has_key, session) = (decided.has_key(), &decided.record.session);
        let scope = self.narrowed(request.scope.as_ref(), &session.scope)?;
        let default = self.0.issuer.audience();
        let audience = resources::audience(&request.resources, session, default)?;
        let mut renewal = Renewal::of(&decided.record.state)?;
        let question = Question {
            record: &decided.record,
            token: decided.token,
            authentication: renewal.known_to(session, line, has_key),
            context: &request.context,
            issued_at: decided.issued_at,
        };
        self.consult(&mut attempt.consulted, question).await?;
        if attempt.consulted.steps_up() && renewal.lapse() {
            let next = decided.next.take();
            let mut next = next.unwrap_or_else(|| rewritten(&decided.record.state, decided.now));
            renewal.write_to(&mut next)?;
            self.note_seen(&mut next, &request.context);
            decided.next = Some(next);
        }
        let state = decided.next.as_ref().unwrap_or(&decided.record.state);
        let authentication = renewal.known_to(session, line, has_key);
        let minting = Minting {
            session,
            state,
            jti: match authentication.line {
                None => decided.jti,
                line => Series::of(session).jti(state.generation, line),
            },
            authentication,
            now: decided.now,
            issued_at: attempt.consulted.issued_at(decided.issued_at),
            proof: request.proof.as_ref().filter(|_| has_key),
        };
        let claims = attempt.consulted.claims(session);
        self.mint(&minting, Asked { scope, audience }, claims).await
    }

    /// The scope of the access token: the granted one if none is requested, and otherwise the
    /// requested one, as far as it was granted (RFC 6749 §3.3, §6).
    pub(super) fn narrowed(
        &self,
        requested: Option<&Scope>,
        granted: &Scope,
    ) -> Result<Scope, SessionError> {
        let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
            return Ok(granted.clone());
        };
        if requested.is_subset(granted) {
            return Ok(requested.clone());
        }
        let left = match self.0.excess_scope {
            ExcessScope::Refuse => None,
            ExcessScope::LeaveOut => Some(requested.intersection(granted)),
        };
        // An empty scope cannot be named in the answer, so the client could not tell that it got
        // nothing it asked for. A session without any scope has nothing to tell.
        left.filter(|left| granted.is_empty() || !left.is_empty())
            .ok_or_else(|| SessionError::new(SessionErrorKind::InvalidScope))
    }

    /// Whether the load is too long ago.
    pub(super) fn is_stale(&self, since: Instant) -> bool {
        let longest = self.0.policy.longest_attempt();
        longest.is_some_and(|longest| since.elapsed() > longest)
    }
}

/// Whether the key that a refresh token or its session is bound to was proved. Neither is a secret.
fn possession(bound_to: Option<&KeyThumbprint>, proof: Option<&KeyProof>) -> Possession {
    match (bound_to, proof) {
        (None, _) => Possession::Unbound,
        (Some(key), Some(proof)) if key == proof.thumbprint() => Possession::Proven,
        (Some(_), _) => Possession::Unproven,
    }
}

/// The verdict, which says whose key was not proved.
fn named(verdict: RefreshVerdict, bound_to: Option<&KeyThumbprint>) -> RefreshVerdict {
    match verdict {
        RefreshVerdict::Refused(Refusal::Unproven) if bound_to.is_some_and(is_of_device) => {
            RefreshVerdict::Refused(Refusal::UnprovenDevice)
        }
        verdict => verdict,
    }
}

/// What to write where the store has lost the binding: it gets it back from the token, which still has
/// it. That is written even if the verdict writes nothing, since the tokens of the answer are made from
/// the state and have to name the key.
fn bound_again(
    next: Option<SessionState>,
    state: &SessionState,
    key: &KeyThumbprint,
    now: Timestamp,
) -> SessionState {
    let mut next = next.unwrap_or_else(|| rewritten(state, now));
    next.bound_to = Some(key.clone());
    next
}

/// What to write where the verdict writes nothing.
fn rewritten(state: &SessionState, now: Timestamp) -> SessionState {
    SessionState {
        version: state.next_version(now),
        last_refreshed_at: Some(now),
        ..state.clone()
    }
}
