//! What a token is worth right now (RFC 7662). Nothing is written, and no event is told: whoever asks
//! about a token has not used it.

use super::{
    Possession, SessionError, Sessions, decide,
    patience::within,
    refresh_token::{OpenedToken, Series, not_ours},
};
use crate::{
    claims::VerifiedToken,
    clock::Timestamp,
    store::{Loaded, Record, Session, SessionStore},
};

/// A token that would be accepted now.
pub(crate) enum LiveToken {
    /// An access token, and what it says.
    Access(VerifiedToken),
    /// A refresh token, and the session that it belongs to.
    Refresh(Box<Session>),
}

/// The answer to the question what a token is worth, and when that was so by the store's clock.
pub(crate) struct Introspected {
    pub(crate) token: Option<LiveToken>,
    pub(crate) at: Timestamp,
}

impl<St: SessionStore> Sessions<St> {
    /// Finds out whether a token would be accepted now: an access token by a layer that knows the
    /// sessions and asks the store, a refresh token by a refresh that proves what it has to.
    pub(crate) async fn introspect(&self, token: &str) -> Result<Introspected, SessionError> {
        match self.0.refresh_key.open(token, self.0.issuer.issuer())? {
            Some(opened) => self.introspect_refresh_token(&opened).await,
            None => self.introspect_access_token(token).await,
        }
    }

    async fn introspect_refresh_token(
        &self,
        opened: &OpenedToken,
    ) -> Result<Introspected, SessionError> {
        let Loaded { record, now: at } = self.load(opened.session).await?;
        let record = record.filter(|record| !self.0.ended.contains(record.session.id));
        let live = record.filter(|record| {
            let is_bound = record.state.bound_to.is_some() || opened.bound_to.is_some();
            let possession = match is_bound {
                true => Possession::Proven,
                false => Possession::Unbound,
            };
            let token = opened.presented_to(&Series::of(&record.session));
            decide(
                record,
                token.with_possession(possession),
                at,
                &self.0.policy,
            )
            .is_accepted()
        });
        let token = live.map(|record| LiveToken::Refresh(Box::new(record.session)));
        Ok(Introspected { token, at })
    }

    async fn introspect_access_token(&self, token: &str) -> Result<Introspected, SessionError> {
        let at = within(self.0.store_timeout, self.0.store.now()).await?;
        let mut answer = Introspected { token: None, at };
        // The leeway does not count: who asks has nothing to bridge between two clocks.
        if let Some(access) = self.own_access_token(token, at)?
            && at < access.claims().exp
            && !self.0.outdated.contains(access.claims())
            && self.still_runs(&access).await?
        {
            answer.token = Some(LiveToken::Access(access));
        }
        Ok(answer)
    }

    /// What an access token of ours says, if it is good at this time.
    pub(super) fn own_access_token(
        &self,
        token: &str,
        at: Timestamp,
    ) -> Result<Option<VerifiedToken>, SessionError> {
        let verified = self.0.verifier.verify_at(token, at);
        verified.map_or_else(not_ours, |access| Ok(Some(access)))
    }

    /// As a layer that knows the sessions and asks the store has it: a token without a `sid` has no session that could end.
    async fn still_runs(&self, access: &VerifiedToken) -> Result<bool, SessionError> {
        let claims = access.claims();
        if claims.sid.is_none() {
            return Ok(true);
        }
        let Some(id) = claims.session_id().filter(|id| !self.0.ended.contains(*id)) else {
            return Ok(false);
        };
        let Loaded { record, now } = self.load(id).await?;
        Ok(record.is_some_and(|Record { session, state }| {
            state.ended.is_none() && now < session.ends_at
        }))
    }
}
