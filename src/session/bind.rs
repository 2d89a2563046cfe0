use std::net::IpAddr;

use super::{
    KeyProof, Refusal, SessionError, SessionEventKind, Sessions, patience::within, tries::Tries,
};
use crate::{
    claims::{KeyThumbprint, SessionId},
    clock::Timestamp,
    store::{Loaded, Record, SessionStore, Swap},
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
        self.bind_from(id, proof, None).await
    }

    /// [Binds](Self::bind) at the request of a client with this address.
    pub(crate) async fn bind_from(
        &self,
        id: SessionId,
        proof: &KeyProof,
        address: Option<IpAddr>,
    ) -> Result<bool, SessionError> {
        let mut tries = Tries::default();
        loop {
            tries.begin().await?;
            let (record, now) = self.bindable(id, proof).await?;
            if record.state.bound_to.is_some() {
                return Ok(false);
            }
            let mut next = record.state.clone();
            next.bound_to = Some(proof.thumbprint().clone());
            next.version = record.state.next_version(now);
            let swap = self.0.store.swap(id, record.state.version, &next);
            if within(self.0.store_timeout, swap).await? == Swap::Swapped {
                self.tell(SessionEventKind::Bound, &record, None, address);
                return Ok(true);
            }
        }
    }

    /// Whether the session is bound to this key already. It is an error where [`bind`](Self::bind)
    /// would fail. Nothing is written.
    #[cfg(feature = "dbsc")]
    pub(crate) async fn is_bound_to(
        &self,
        id: SessionId,
        proof: &KeyProof,
    ) -> Result<bool, SessionError> {
        let (record, _) = self.bindable(id, proof).await?;
        Ok(record.state.bound_to.is_some())
    }

    /// The session, which is live and bound to this key or to none, and the store's time.
    async fn bindable(
        &self,
        id: SessionId,
        proof: &KeyProof,
    ) -> Result<(Record, Timestamp), SessionError> {
        let Loaded { record, now } = self.load(id).await?;
        let record = record.ok_or_else(|| SessionError::refused(Refusal::Unknown))?;
        let is_others = |key: &KeyThumbprint| key != proof.thumbprint();
        let refusal = match &record.state {
            state if state.ended.is_some() => Refusal::Ended,
            _ if !record.is_live(now) => Refusal::Expired,
            state if state.bound_to.as_ref().is_some_and(is_others) => Refusal::Unproven,
            _ => return Ok((record, now)),
        };
        Err(SessionError::refused(refusal))
    }
}
