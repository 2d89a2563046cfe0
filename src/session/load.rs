use tokio::time::Instant;

use super::{SessionError, Sessions, patience::within};
use crate::{
    claims::SessionId,
    store::{Loaded, Record, SessionStore},
};

impl<St: SessionStore> Sessions<St> {
    /// The session, if it is one of this issuer's, and the store's time.
    pub(super) async fn load(&self, id: SessionId) -> Result<Loaded, SessionError> {
        let load = self.0.store.load(id);
        let mut loaded = within(self.0.store_timeout, load).await?;
        let issuer = self.0.issuer.issuer();
        let is_others = |record: &Record| record.session.issuer != issuer;
        if loaded.record.as_ref().is_some_and(is_others) {
            loaded.record = None;
        }
        Ok(loaded)
    }

    pub(super) async fn load_session(&self, id: SessionId) -> Result<Option<Record>, SessionError> {
        Ok(self.load(id).await?.record)
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

    /// Whether the load is too long ago.
    pub(super) fn is_stale(&self, since: Instant) -> bool {
        let longest = self.0.policy.longest_attempt();
        longest.is_some_and(|longest| since.elapsed() > longest)
    }
}
