//! The answer to an accepted refresh token, and the write before it.

use std::mem;

use super::{
    super::{
        Possession, RefreshOutcome, Refusal, SessionError, SessionErrorKind, Sessions,
        authentication::Renewal,
        consult::Question,
        mint::{Asked, Minting},
        refresh_token::Series,
        resources,
        write::ToTell,
    },
    Attempt,
    decided::{Decided, rewritten},
};
use crate::{
    jws::SignError,
    store::{SessionStore, Swap},
    token::TokenResponse,
};

impl<St: SessionStore> Sessions<St> {
    pub(super) async fn accept(
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
}
