use super::{
    EndReason, PresentedToken, Refusal, SessionError, SessionEventKind, Sessions,
    end_request::Ending,
    is_other_client,
    patience::within,
    refresh_token::{OpenedToken, Series},
};
use crate::{
    context::RequestContext,
    store::{Record, SessionStore},
};

/// The session of a token, and the token if it is a refresh token.
type Found = (Record, Option<PresentedToken>);

impl<St: SessionStore> Sessions<St> {
    /// Revokes a token at a client's request (RFC 7009), which ends the token's session.
    ///
    /// The token is a refresh token of any generation, or an access token that has not expired. If a
    /// [`Takeover`](super::Takeover) is under way, it may be a foreign refresh token too, which then is also
    /// removed from the other store.
    /// Any other token ends no session and is no error. That of a session that is bound to a key needs
    /// no proof (RFC 7009 knows none), so that no logout fails for one.
    ///
    /// # Errors
    ///
    /// - [`InvalidGrant`](super::SessionErrorKind::InvalidGrant): the session is bound to another
    ///   client than `client_id`.
    /// - [`Unavailable`](super::SessionErrorKind::Unavailable): the store failed, or the other program's.
    pub async fn revoke(&self, token: &str, client_id: Option<&str>) -> Result<(), SessionError> {
        self.revoke_in(token, client_id, &RequestContext::new())
            .await
    }

    /// [Revokes](Self::revoke) a token in this context.
    pub(crate) async fn revoke_in(
        &self,
        token: &str,
        client_id: Option<&str>,
        context: &RequestContext,
    ) -> Result<(), SessionError> {
        let found = self.session_of(token, client_id, context).await?;
        let Some((record, presented)) = found else {
            return Ok(());
        };
        if is_other_client(client_id, &record.session) {
            self.tell(
                SessionEventKind::Refused(Refusal::OtherClient),
                &record,
                presented,
                context.address(),
            );
            return Err(SessionError::refused(Refusal::OtherClient));
        }
        let ending = Ending::new(EndReason::Revocation, context.address());
        self.end_now(&record, ending).await?;
        Ok(())
    }

    async fn session_of(
        &self,
        token: &str,
        client_id: Option<&str>,
        context: &RequestContext,
    ) -> Result<Option<Found>, SessionError> {
        if let Some(opened) = self.0.refresh_key.open(token, self.0.issuer.issuer())? {
            let record = self.load_session(opened.session).await?;
            return Ok(record.and_then(|record| genuine(record, &opened)));
        }
        let now = within(self.0.store_timeout, self.0.store.now()).await?;
        let Some(access) = self.own_access_token(token, now)? else {
            let adopted = self.adopted(token, client_id, context).await?;
            return Ok(adopted.and_then(|(record, first)| genuine(record, &first)));
        };
        // The leeway does not count here: nobody shall end a session with an expired token that
        // was found in a log.
        if now >= access.claims().exp {
            return Ok(None);
        }
        match access.claims().session_id() {
            Some(id) => Ok(self.load_session(id).await?.map(|record| (record, None))),
            None => Ok(None),
        }
    }
}

/// The session, if this is a refresh token of it.
fn genuine(record: Record, token: &OpenedToken) -> Option<Found> {
    let presented = token.presented_to(&Series::of(&record.session));
    presented.is_genuine.then_some((record, Some(presented)))
}
