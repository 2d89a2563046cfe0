//! Loading a session, and the verdict on the token that was presented for it.

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::{
        KeyProof, Possession, PresentedToken, RefreshOutcome, RefreshVerdict, Refreshed, Refusal,
        SessionError, SessionEventKind, SessionInfo, Sessions, decide, event::Told,
        refresh_token::Series,
    },
    Attempt,
};
use crate::{
    claims::KeyThumbprint,
    clock::Timestamp,
    device_key::is_of_device,
    store::{Loaded, Record, SessionState, SessionStore},
    token::TokenResponse,
};

/// A session as it was loaded, and the verdict on the presented token.
pub(super) struct Decided {
    pub(super) record: Record,
    pub(super) token: PresentedToken,
    /// When the session was loaded, by the store's clock.
    pub(super) now: Timestamp,
    /// When an access token is issued if the application is asked now.
    pub(super) issued_at: Timestamp,
    /// When the load was started, by this process's clock.
    pub(super) since: Instant,
    pub(super) verdict: RefreshVerdict,
    /// The state to be swapped in, if the verdict changes it.
    pub(super) next: Option<SessionState>,
    /// The `jti` of the refresh token that is live then.
    pub(super) jti: Uuid,
}

impl Decided {
    pub(super) fn live(&self) -> &SessionState {
        self.next.as_ref().unwrap_or(&self.record.state)
    }

    pub(super) fn has_key(&self) -> bool {
        self.token.possession == Possession::Proven
    }

    pub(super) fn answered(
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
    pub(super) async fn load_and_decide(
        &self,
        attempt: &Attempt<'_>,
    ) -> Result<Decided, SessionError> {
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
pub(super) fn rewritten(state: &SessionState, now: Timestamp) -> SessionState {
    SessionState {
        version: state.next_version(now),
        last_refreshed_at: Some(now),
        ..state.clone()
    }
}
