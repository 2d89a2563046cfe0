use super::{Presented, Revoked, Session, SessionError, SessionEventKind, Sessions, within};
use crate::store::{SessionStore, Swap};

impl<St: SessionStore> Sessions<St> {
    /// Swaps `next` in for the session as it was loaded, where there is something to write, and
    /// tells of it.
    ///
    /// What is told must not be lost with a client that hangs up, and a thief who does so must
    /// not stop a revocation. A plain rotation is no event and needs no such care.
    pub(super) async fn write(
        &self,
        session: &Session,
        next: Option<&Session>,
        event: Option<(SessionEventKind, Presented)>,
    ) -> Result<Swap, SessionError> {
        let Some(next) = next else {
            self.tell_written(session, None, event);
            return Ok(Swap::Swapped);
        };
        if event.is_none() && next.revoked.is_none() {
            let swap = self.0.store.swap(session.version, next);
            return Ok(within(self.0.store_timeout, swap).await?);
        }
        let (sessions, session, next) = (self.clone(), session.clone(), next.clone());
        self.to_the_end(async move {
            let swapped = sessions.0.store.swap(session.version, &next).await;
            // Nobody knows what became of a write that failed. A revocation is told of all the
            // same: whoever comes with the token next would only see that it is revoked.
            let is_to_be_told = match &swapped {
                Ok(swap) => *swap == Swap::Swapped,
                Err(_) => next.revoked.is_some(),
            };
            if is_to_be_told {
                sessions.tell_written(&session, next.revoked, event);
            }
            Ok(swapped?)
        })
        .await
    }

    fn tell_written(
        &self,
        session: &Session,
        revoked: Option<Revoked>,
        event: Option<(SessionEventKind, Presented)>,
    ) {
        if revoked.is_some() {
            self.0.ended.note(session.id);
        }
        if let Some((kind, token)) = event {
            self.tell(kind, session, Some(token));
        }
        if let Some(revoked) = revoked {
            self.tell(SessionEventKind::Ended(revoked.reason), session, None);
        }
    }
}
