//! A session whose home changes. It is at one of two shards, and live in one place at any moment:
//!
//! 1. At the source the row gets a [seal](super::seal), by a swap of the version that was loaded. No swap
//!    succeeds there from now on.
//! 2. The session is inserted at the target. Whoever inserts it second finds it there.
//! 3. At the source the row is ended as one that was left behind, and is deleted a day later.
//!
//! Whoever meets a sealed row does what is left of this, so a server that dies on the way does no harm. The
//! target is asked first: what is there counts, whatever the source says.

use std::future::Future;

use tokio::runtime::Handle;

use super::seal::{elsewhere, is_left_behind, is_sealed, left_behind, sealed, unsealed};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        AnyStore, EndReason, Ended, Loaded, Record, SessionState, SessionStore, StoreError,
        StoreErrorKind, Swap,
    },
    trace,
};

/// How often a call begins again because others have changed the session meanwhile.
const TRIES: usize = 16;

/// The two shards of a session.
#[derive(Clone)]
pub(super) struct Move {
    pub(super) source: AnyStore,
    pub(super) target: AnyStore,
    /// Whether this server begins moves, or only finishes those of others.
    pub(super) begins: bool,
}

/// Where a session was found.
enum Found {
    /// At the target, or nowhere.
    Target(Loaded),
    /// At the source, and whether the target has room for it: no row with its identifier.
    Source(Loaded, bool),
    /// On the way.
    Sealed(Record, Timestamp),
}

impl Move {
    async fn find(&self, id: SessionId) -> Result<Found, StoreError> {
        let there = self.target.load(id).await?;
        let has_room = match &there.record {
            Some(record) if !is_sealed(&record.state) => return Ok(Found::Target(there)),
            None => true,
            Some(row) => {
                self.make_room(row, there.now).await?;
                false
            }
        };
        let here = self.source.load(id).await?;
        match here.record {
            Some(record) if is_left_behind(&record) => {
                let Loaded { record, now } = self.target.load(id).await?;
                let record = record.filter(|record| !is_sealed(&record.state));
                Ok(Found::Target(Loaded { record, now }))
            }
            Some(record) if is_sealed(&record.state) => Ok(Found::Sealed(record, here.now)),
            Some(_) => Ok(Found::Source(here, has_room)),
            None => Ok(Found::Target(here)),
        }
    }

    /// A row at the target that is sealed is from an earlier change, whose server died when the session had
    /// arrived elsewhere: within one change, sessions only move on.
    async fn make_room(&self, row: &Record, now: Timestamp) -> Result<(), StoreError> {
        if self.begins && !is_left_behind(row) {
            let (Swap::Swapped | Swap::Lost) = leave_behind(&self.target, row, now).await?;
        }
        Ok(())
    }

    /// Loads the session, and moves it first if this server does that and the session is live.
    pub(super) async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        for _ in 0..TRIES {
            match self.find(id).await? {
                Found::Target(loaded) => return Ok(loaded),
                Found::Sealed(record, now) => {
                    to_its_end(self.clone().finish(record, now)).await?;
                }
                Found::Source(loaded, has_room) => {
                    let Some((expected, record)) = self.to_seal(&loaded, has_room) else {
                        return Ok(loaded);
                    };
                    to_its_end(self.clone().carry(expected, record, loaded.now)).await?;
                }
            }
        }
        Err(StoreErrorKind::Busy.into())
    }

    /// The version of a session that is to move, and its row with a seal.
    fn to_seal(&self, loaded: &Loaded, has_room: bool) -> Option<(u64, Record)> {
        let record = loaded.record.as_ref()?;
        let is_due = self.begins && has_room && record.is_live(loaded.now);
        let state = sealed(&record.state).filter(|_| is_due)?;
        let session = record.session.clone();
        Some((record.state.version, Record { session, state }))
    }

    /// Seals a session's row at the source and moves the session, unless another change comes first.
    async fn carry(self, expected: u64, record: Record, now: Timestamp) -> Result<(), StoreError> {
        let id = record.session.id;
        match self.source.swap(id, expected, &record.state).await? {
            Swap::Swapped => self.finish(record, now).await,
            Swap::Lost => Ok(()),
        }
    }

    /// Moves a session whose row is sealed at the source.
    async fn finish(self, mut record: Record, mut now: Timestamp) -> Result<(), StoreError> {
        let id = record.session.id;
        self.copy(unsealed(record.clone())).await?;
        for _ in 0..TRIES {
            if leave_behind(&self.source, &record, now).await? == Swap::Swapped {
                return Ok(());
            }
            let here = self.source.load(id).await?;
            let Some(row) = here.record else {
                return Ok(());
            };
            match row.state.ended {
                // Somebody logs the user out everywhere. The end was meant for the copy too.
                Some(ended) if ended.reason != EndReason::Moved => {
                    self.target.end(id, ended.reason).await?;
                    return Ok(());
                }
                Some(_) => return Ok(()),
                // A confirmation that came late.
                None => (record, now) = (row, here.now),
            }
        }
        Err(StoreErrorKind::Busy.into())
    }

    /// Inserts a session at the target, unless it is there.
    async fn copy(&self, record: Record) -> Result<(), StoreError> {
        let Err(error) = self.target.insert(&record).await else {
            return Ok(());
        };
        if error.kind() != StoreErrorKind::Duplicate {
            return Err(error);
        }
        // A row that an earlier change left behind is not the session. It is deleted within a day.
        match self.target.load(record.session.id).await?.record {
            Some(row) if is_sealed(&row.state) => Err(StoreErrorKind::Busy.into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let (place, other) = match self.begins {
            true => (&self.target, &self.source),
            false => (&self.source, &self.target),
        };
        let row = other.load(record.session.id).await?.record;
        if row.is_some_and(|row| !is_left_behind(&row)) {
            return Err(StoreErrorKind::Duplicate.into());
        }
        place.insert(record).await
    }

    pub(super) async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        if self.target.swap(id, expected, next).await? == Swap::Swapped {
            if next.ended.is_some() {
                self.tidy(id).await;
            }
            return Ok(Swap::Swapped);
        }
        // What is at the target counts, even if the source was put back to an older copy.
        match self.target.load(id).await?.record {
            Some(record) if !is_sealed(&record.state) => Ok(Swap::Lost),
            _ => self.source.swap(id, expected, next).await,
        }
    }

    /// Ends the session where it is. At the source by a swap, as the end of a row that another server seals
    /// at the same time would not reach the copy.
    pub(super) async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match self.find(id).await? {
                Found::Target(_) => {
                    let ended = self.target.end(id, reason).await?;
                    self.tidy(id).await;
                    return Ok(ended);
                }
                Found::Sealed(record, now) => {
                    to_its_end(self.clone().finish(record, now)).await?;
                }
                Found::Source(loaded, _) => {
                    let live = loaded.record.filter(|record| record.state.ended.is_none());
                    let Some(mut record) = live else {
                        return Ok(false);
                    };
                    let expected = record.state.version;
                    record.end(Ended::new(loaded.now, reason));
                    if self.source.swap(id, expected, &record.state).await? == Swap::Swapped {
                        return Ok(true);
                    }
                }
            }
        }
        Err(StoreErrorKind::Busy.into())
    }

    /// Leaves a sealed row behind whose session has ended at the target: if a server died before it did so, a
    /// later change could take the row for a session on its way. The session has ended whether or not this
    /// succeeds.
    async fn tidy(&self, id: SessionId) {
        let Ok(Loaded {
            record: Some(row),
            now,
        }) = self.source.load(id).await
        else {
            return;
        };
        if is_sealed(&row.state) && !is_left_behind(&row) {
            let _ = leave_behind(&self.source, &row, now).await;
        }
    }
}

/// Ends a sealed row whose session is elsewhere. It is lost if the row has changed meanwhile.
async fn leave_behind(store: &AnyStore, row: &Record, now: Timestamp) -> Result<Swap, StoreError> {
    let next = left_behind(row, now);
    store.swap(row.session.id, row.state.version, &next).await
}

/// Does it in a task of its own, so that a caller that goes away does not leave a session half way.
async fn to_its_end(
    work: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) -> Result<(), StoreError> {
    let Ok(runtime) = Handle::try_current() else {
        return work.await;
    };
    let outcome = runtime.spawn(trace::in_current_span(work)).await;
    outcome.unwrap_or_else(|error| Err(StoreError::with_source(StoreErrorKind::Unavailable, error)))
}

/// Loads a session that does not move.
pub(super) async fn load_settled(store: &AnyStore, id: SessionId) -> Result<Loaded, StoreError> {
    let loaded = store.load(id).await?;
    match &loaded.record {
        Some(record) if is_sealed(&record.state) => Err(elsewhere()),
        _ => Ok(loaded),
    }
}
