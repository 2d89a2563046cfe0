use super::{PresentedToken, Revoked, SessionError, SessionEventKind, Sessions, patience::within};
use crate::store::{Record, SessionState, SessionStore, Swap};

impl<St: SessionStore> Sessions<St> {
    /// Swaps `next` in for the state as it was loaded, where there is something to write, and
    /// tells of it.
    ///
    /// What is told must not be lost with a client that hangs up, and a thief who does so must
    /// not stop a revocation. A plain rotation is no event and needs no such care.
    pub(super) async fn write(
        &self,
        record: &Record,
        next: Option<&SessionState>,
        event: Option<(SessionEventKind, PresentedToken)>,
    ) -> Result<Swap, SessionError> {
        let Some(next) = next else {
            self.tell_written(record, None, event);
            return Ok(Swap::Swapped);
        };
        let (id, expected) = (record.session.id, record.state.version);
        if event.is_none() && next.revoked.is_none() {
            let swap = self.0.store.swap(id, expected, next);
            return Ok(within(self.0.store_timeout, swap).await?);
        }
        let (sessions, record, next) = (self.clone(), record.clone(), next.clone());
        self.to_the_end(async move {
            let swapped = sessions.0.store.swap(id, expected, &next).await;
            // Nobody knows what became of a write that failed. A revocation is told of all the
            // same: whoever comes with the token next would only see that it is revoked.
            let is_to_be_told = match &swapped {
                Ok(swap) => *swap == Swap::Swapped,
                Err(_) => next.revoked.is_some(),
            };
            if is_to_be_told {
                sessions.tell_written(&record, next.revoked, event);
            }
            Ok(swapped?)
        })
        .await
    }

    fn tell_written(
        &self,
        record: &Record,
        revoked: Option<Revoked>,
        event: Option<(SessionEventKind, PresentedToken)>,
    ) {
        if revoked.is_some() {
            self.0.ended.note(record.session.id);
        }
        if let Some((kind, token)) = event {
            self.tell(kind, record, Some(token));
        }
        if let Some(revoked) = revoked {
            self.tell(SessionEventKind::Ended(revoked.reason), record, None);
        }
    }
}
