use std::net::IpAddr;

use super::{Ended, PresentedToken, SessionError, SessionEventKind, Sessions, patience::within};
use crate::store::{Record, SessionState, SessionStore, Swap};

/// What is told once it is written.
#[derive(Clone, Copy)]
pub(super) struct ToTell {
    /// The event, and of which token.
    pub(super) event: Option<(SessionEventKind, PresentedToken)>,
    pub(super) address: Option<IpAddr>,
}

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
        to_tell: ToTell,
    ) -> Result<Swap, SessionError> {
        let Some(next) = next else {
            self.tell_written(record, None, to_tell);
            return Ok(Swap::Swapped);
        };
        self.swap(record, next, to_tell).await
    }

    async fn swap(
        &self,
        record: &Record,
        next: &SessionState,
        to_tell: ToTell,
    ) -> Result<Swap, SessionError> {
        let (id, expected) = (record.session.id, record.state.version);
        if matches!(to_tell.event, Some((SessionEventKind::Rotated, _))) && next.ended.is_none() {
            let swap = self.0.store.swap(id, expected, next);
            let swap = within(self.0.store_timeout, swap).await?;
            if swap == Swap::Swapped {
                self.tell_written(record, None, to_tell);
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
                sessions.tell_written(&record, next.ended, to_tell);
            }
            Ok(swapped?)
        })
        .await
    }

    fn tell_written(&self, record: &Record, ended: Option<Ended>, to_tell: ToTell) {
        if ended.is_some() {
            self.0.ended.note(record.session.id);
        }
        let ToTell { event, address } = to_tell;
        if let Some((kind, token)) = event {
            self.tell(kind, record, Some(token), address);
        }
        if let Some(ended) = ended {
            self.tell(SessionEventKind::Ended(ended.reason), record, None, address);
        }
    }
}
