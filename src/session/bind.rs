use super::{
    KeyProof, Refusal, SessionError, SessionEventKind, Sessions,
    patience::within,
    refresh::{TRIES, jitter},
};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Loaded, Record, SessionStore, StoreError, StoreErrorKind, Swap},
};

impl<St: SessionStore> Sessions<St> {
    /// Binds a session that is not bound yet to the key of `proof`, and tells whether this call has
    /// done so. The answer is `false` if the session is bound to this key already. From then on its
    /// refresh tokens are of no use without a proof of that key, those that were given out before
    /// included. Access tokens that were given out before stay as they are until they expire.
    ///
    /// A binding is for ever, and whoever binds a session first keeps it. So call this only for a
    /// client that has just proved to be the session's own: at its login or, later, by a live access
    /// token and not by a refresh token. To bind a session from its start, use
    /// [`Grant::bound_to`](super::Grant::bound_to).
    ///
    /// # Errors
    ///
    /// - [`InvalidGrant`](super::SessionErrorKind::InvalidGrant): there is no such session, it has
    ///   ended or expired, or it is bound to another key.
    /// - [`Unavailable`](super::SessionErrorKind::Unavailable): the store failed. It may have bound
    ///   the session all the same; the same call again tells.
    pub async fn bind(&self, id: SessionId, proof: &KeyProof) -> Result<bool, SessionError> {
        for tried in 0..TRIES {
            if tried > 0 {
                tokio::time::sleep(jitter(tried)).await;
            }
            let loaded = within(self.0.store_timeout, self.0.store.load(id)).await?;
            let (record, now) = self.bindable(loaded)?;
            match &record.state.bound_to {
                Some(key) if key == proof.thumbprint() => return Ok(false),
                Some(_) => return Err(SessionError::refused(Refusal::Unproven)),
                None => {}
            }
            let mut next = record.state.clone();
            next.bound_to = Some(proof.thumbprint().clone());
            next.version = record.state.next_version(now);
            let swap = self.0.store.swap(id, record.state.version, &next);
            if within(self.0.store_timeout, swap).await? == Swap::Swapped {
                self.tell(SessionEventKind::Bound, &record, None);
                return Ok(true);
            }
        }
        Err(StoreError::new(StoreErrorKind::Busy).into())
    }

    /// Whether the session is bound to this key already. It is an error where [`bind`](Self::bind)
    /// would fail. Nothing is written.
    #[cfg(feature = "dbsc")]
    pub(crate) async fn is_bound_to(
        &self,
        id: SessionId,
        proof: &KeyProof,
    ) -> Result<bool, SessionError> {
        let loaded = within(self.0.store_timeout, self.0.store.load(id)).await?;
        let (record, _) = self.bindable(loaded)?;
        match &record.state.bound_to {
            Some(key) if key != proof.thumbprint() => Err(SessionError::refused(Refusal::Unproven)),
            bound_to => Ok(bound_to.is_some()),
        }
    }

    fn bindable(&self, loaded: Loaded) -> Result<(Record, Timestamp), SessionError> {
        let Loaded { record, now } = loaded;
        let record = record
            .filter(|record| record.session.issuer == self.0.issuer.issuer())
            .ok_or_else(|| SessionError::refused(Refusal::Unknown))?;
        let refusal = match record.state.ended {
            Some(_) => Refusal::Ended,
            None if !record.is_live(now) => Refusal::Expired,
            None => return Ok((record, now)),
        };
        Err(SessionError::refused(refusal))
    }
}
