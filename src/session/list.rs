use super::{SessionError, SessionInfo, Sessions, patience::within};
use crate::store::SessionStore;

/// The most sessions that a list contains.
const LISTED: usize = 1000;

impl<St: SessionStore> Sessions<St> {
    /// The live sessions of `subject`, oldest first, at most 1000.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](super::SessionErrorKind::Unavailable) if the store fails.
    pub async fn list(&self, subject: &str) -> Result<Vec<SessionInfo>, SessionError> {
        let inner = &self.0;
        let list = inner
            .store
            .list(inner.issuer.issuer(), subject, None, LISTED);
        let listed = within(inner.store_timeout, list).await?;
        Ok(listed.records.into_iter().map(SessionInfo::from).collect())
    }
}
