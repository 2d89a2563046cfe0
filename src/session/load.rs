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
}
