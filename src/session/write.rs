use super::{Ended, PresentedToken, SessionError, SessionEventKind, Sessions, patience::within};
use crate::store::{Record, SessionState, SessionStore, Swap};

/// What is told once it is written, and of which token.
type Event = (SessionEventKind, PresentedToken);

impl<St: SessionStore> Sessions<St> {
    /// Swaps in `next`, if there is something to write, and tells the event.
    ///
    /// A client that hangs up must not suppress an event, and a thief must not keep a session from
    /// being ended by hanging up. So these writes go on without their caller. A plain rotation, of which
    /// nobody has to learn, need not.
    pub(super) async fn write(
        &self,
        record: &Record,
        next: Option<&SessionState>,
        event: Option<Event>,
    ) -> Result<Swap, SessionError> {
        let Some(next) = next else {
            self.tell_written(record, None, event);
            return Ok(Swap::Swapped);
        };
        self.swap(record, next, event).await
    }

    async fn swap(
        &self,
        record: &Record,
        next: &SessionState,
        event: Option<Event>,
    ) -> Result<Swap, SessionError> {
        let (id, expected) = (record.session.id, record.state.version);
        if matches!(event, Some((SessionEventKind::Rotated, _))) && next.ended.is_none() {
            let swap = self.0.store.swap(id, expected, next);
            let swap = within(self.0.store_timeout, swap).await?;
            if swap == Swap::Swapped {
                self.tell_written(record, None, event);
            }
            return Ok(swap);
        }
        let (sessions, record, next) = (self.clone(), record.clone(), next.clone());
        self.to_the_end(async move {
            let swapped = sessions.0.store.swap(id, expected, &next).await;
            // A write that failed may have happened all the same. The end of a session is told even
            // then: the next refresh would only find the session ended and tell nothing of why.
            let is_to_be_told = match &swapped {
                Ok(swap) => *swap == Swap::Swapped,
                Err(_) => next.ended.is_some(),
            };
            if is_to_be_told {
                sessions.tell_written(&record, next.ended, event);
            }
            Ok(swapped?)
        })
        .await
    }

    fn tell_written(&self, record: &Record, ended: Option<Ended>, event: Option<Event>) {
        if ended.is_some() {
            self.0.ended.note(record.session.id);
        }
        if let Some((kind, token)) = event {
            self.tell(kind, record, Some(token));
        }
        if let Some(ended) = ended {
            self.tell(SessionEventKind::Ended(ended.reason), record, None);
        }
    }
}
