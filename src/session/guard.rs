//! `Sessions` as the [`SessionGuard`] of a middleware that checks access tokens.

use super::{ConfirmBy, Sessions, confirm::Flushing, feed::Stand, patience::within};
use crate::{
    bearer::{Admission, SessionGuard, Unavailable},
    claims::{SessionId, VerifiedToken},
    context::RequestHead,
    store::{Record, SessionStore},
    trace,
};

impl<St: SessionStore> SessionGuard for Sessions<St> {
    fn admit(&self, token: &VerifiedToken, _request: RequestHead<'_>) -> Admission {
        let claims = token.claims();
        if claims.iss != self.0.issuer.issuer() {
            return Admission::OfAnotherIssuer;
        }
        // First how current the knowledge is, and then the knowledge, which is no older.
        let stand = self.0.standing.get();
        let id = claims.session_id();
        if id.is_some_and(|id| self.0.ended.contains(id)) {
            return Admission::Ended;
        }
        if self.0.outdated.contains(claims) {
            return Admission::Outdated;
        }
        let Some(id) = id else {
            return Admission::Admitted;
        };
        let admission = match stand {
            Stand::Trusted => Admission::Admitted,
            Stand::Ask => Admission::IfLive,
            Stand::Refuse => return Admission::Unavailable,
        };
        // Generation 0 needs no confirmation: it has no predecessor that could be reused. Nor does a
        // bound session, in which nothing depends on it.
        let generation = claims
            .generation
            .filter(|generation| *generation >= 1 && claims.cnf.is_none());
        if let (Some(generation), ConfirmBy::AccessToken) = (generation, self.0.confirm_by)
            && let Some(flushing) = self.0.confirmations.note(id, generation)
        {
            self.spawn_flush(flushing);
        }
        admission
    }

    async fn is_live(&self, id: SessionId) -> Result<bool, Unavailable> {
        let loaded = within(self.0.store_timeout, self.0.store.load(id)).await;
        let loaded = loaded.map_err(|_error| {
            trace::warn!(
                error = &_error as &dyn std::error::Error,
                "live check failed"
            );
            Unavailable
        })?;
        Ok(loaded.record.is_some_and(|Record { session, state }| {
            state.ended.is_none()
                && session.issuer == self.0.issuer.issuer()
                && loaded.now < session.ends_at
        }))
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Flushes in a task of its own, so that the request need not wait. Outside a runtime the
    /// confirmations wait for the next flush.
    fn spawn_flush(&self, flushing: Flushing) {
        let sessions = self.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let (waiting, store) = (&sessions.0.confirmations, &sessions.0.store);
                let timeout = sessions.0.store_timeout;
                waiting.flush_until_empty(flushing, store, timeout).await;
            });
        }
    }
}
