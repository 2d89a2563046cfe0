//! One refresh: load, decide, sign, swap.

mod accept;
mod decided;

use std::net::IpAddr;

use self::decided::Decided;
use super::{
    PresentedToken, RefreshRequest, RefreshVerdict, Refreshed, Refusal, Reuse, SessionError,
    SessionEventKind, Sessions, consult::Consulted, is_other_client, refresh_token::OpenedToken,
    tries::Tries, write::ToTell,
};
use crate::store::{Record, SessionStore, Swap};

/// One refresh on its way through load, decision and swap.
struct Attempt<'a> {
    request: &'a RefreshRequest,
    token: OpenedToken,
    consulted: Consulted,
    /// Whether tokens were signed too late for their write.
    was_late: bool,
}

impl<St: SessionStore> Sessions<St> {
    /// Exchanges a refresh token for an access token and the live refresh token (RFC 6749 §6).
    ///
    /// A token that is none of this issuer's is [adopted](Self::adopt), if there is a
    /// [`Takeover`](super::Takeover).
    ///
    /// # Errors
    ///
    /// - [`InvalidGrant`](super::SessionErrorKind::InvalidGrant): the token is refused. It may be good, but
    ///   lack the [proof](RefreshRequest::proof) that its session asks for
    ///   ([`Refusal::Unproven`], [`Refusal::UnprovenDevice`]).
    /// - [`InvalidScope`](super::SessionErrorKind::InvalidScope): the requested scope goes beyond the
    ///   session's, and the [setting](super::SessionsBuilder::excess_scope) does not let that pass.
    /// - [`InvalidTarget`](super::SessionErrorKind::InvalidTarget): a requested resource was not granted.
    /// - [`Unavailable`](super::SessionErrorKind::Unavailable): the store, the application's hook or a
    ///   [signer](crate::jws::Signer) failed or was too slow, or the key ring could not be read for too
    ///   long. The client keeps its token and may present it again.
    /// - [`Throttled`](super::SessionErrorKind::Throttled): the hook has said
    ///   [`Throttle`](super::RefreshDecision::Throttle). The client keeps its token too.
    /// - [`Store`](super::SessionErrorKind::Store): the session in the store cannot be read.
    /// - [`Grant`](super::SessionErrorKind::Grant): the claims make the access token too long.
    /// - [`Signing`](super::SessionErrorKind::Signing): the tokens could not be signed.
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
}
