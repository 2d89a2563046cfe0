//! [`MemoryStore`]: sessions in the memory of this process.
//!
//! To rule out deadlocks, a shard's lock is always taken before the lock of an index or a session,
//! and never two of the latter at once. No lock is held across an await, or while the
//! application's clock is asked.

mod index;
mod kept;
mod ring;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{
    index::{Ends, Subjects},
    kept::Kept,
};
use super::{
    Cursor, EndReason, Ended, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
    StoreError, StoreErrorKind, Swap,
};
use crate::{
    claims::SessionId,
    clock::{Clock, SystemClock, Timestamp},
};

const SHARDS: usize = 64;

/// The most sessions that are looked at under one lock, or deleted before other tasks may run.
const PAGE: usize = 64;

/// Keeps sessions in memory: for tests, and for services of a single process whose users may have
/// to log in again after a restart.
///
/// Clones share the sessions. All sessions are lost when the last clone is dropped, and other
/// processes do not see them. The store keeps every promise of [`SessionStore`]. Its only error is
/// [`StoreErrorKind::Duplicate`].
///
/// A session without claims, metadata and long names takes at most 400 bytes. Any session takes at
/// most 450, and the length of its names, once it is ended. Sessions are freed when
/// [`delete_expired`](SessionStore::delete_expired) is called after their `ends_at`.
///
/// ```
/// use tower_bearer::{SessionId, clock::SystemClock};
/// use tower_bearer::store::{MemoryStore, SessionStore};
///
/// # async fn example(id: SessionId) -> Result<(), tower_bearer::store::StoreError> {
/// let store = MemoryStore::new();
/// assert!(store.load(id).await?.record.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    clock: Box<dyn Clock>,
    shards: [Mutex<Shard>; SHARDS],
    subjects: Mutex<Subjects>,
    ended: Mutex<index::Ended>,
    ends: Mutex<Ends>,
    rings: Mutex<ring::Rings>,
}

// A tree gives memory back as it shrinks, and never stops to rehash as a hash table does. The
// `Arc` lets a load copy the session after the shard is unlocked.
type Shard = BTreeMap<SessionId, Arc<Kept>>;

impl MemoryStore {
    /// An empty store that takes the time from the system's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// An empty store that takes the time from `clock`.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Arc::new(Inner {
            clock: Box::new(clock),
            shards: std::array::from_fn(|_| Mutex::default()),
            subjects: Mutex::default(),
            ended: Mutex::default(),
            ends: Mutex::default(),
            rings: Mutex::default(),
        }))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = lock(&self.0.ends).len();
        f.debug_struct("MemoryStore")
            .field("sessions", &sessions)
            .finish_non_exhaustive()
    }
}

/// Ignores poisoning: no code that holds a lock can panic between two writes that belong
/// together, so the data is always consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// The shard that a session belongs to, by the last byte of its identifier: that byte is
    /// random, while the first bytes are a time.
    fn shard(&self, id: SessionId) -> MutexGuard<'_, Shard> {
        let [first, ..] = &self.shards;
        lock(self.shards.get(Self::shard_of(id)).unwrap_or(first))
    }

    fn shard_of(id: SessionId) -> usize {
        let [.., last] = id.as_uuid().into_bytes();
        usize::from(last) % SHARDS
    }

    fn get(&self, id: SessionId) -> Option<Record> {
        let kept = self.shard(id).get(&id).cloned();
        kept.map(|kept| kept.record())
    }

    /// Changes the session under the shard's lock, and tells whether it has changed.
    fn change(&self, id: SessionId, change: impl FnOnce(&Kept) -> bool) -> bool {
        self.shard(id).get(&id).is_some_and(|kept| change(kept))
    }

    /// Ends a session as `end` says, and tells whether that has ended it. The indexes change while
    /// the shard is locked, so that they always fit what it holds.
    fn end(&self, id: SessionId, end: impl FnOnce(&Kept) -> Option<Kept>) -> bool {
        let mut shard = self.shard(id);
        let Some(kept) = shard.get_mut(&id) else {
            return false;
        };
        let Some(ended) = end(kept).map(Arc::new) else {
            return false;
        };
        let live = std::mem::replace(kept, Arc::clone(&ended));
        lock(&self.subjects).remove(&live);
        if let Some(Ended { at, .. }) = ended.ended() {
            lock(&self.ended).add(at, id);
        }
        let mut ends = lock(&self.ends);
        ends.remove(live);
        ends.add(ended);
        true
    }

    /// A few identifiers of the subject's sessions that are not ended, highest first.
    fn page(&self, issuer: &str, subject: &str, before: Option<SessionId>) -> Vec<SessionId> {
        lock(&self.subjects)
            .below(issuer, subject, before)
            .take(PAGE)
            .collect()
    }

    /// Removes a session. The shard stays locked until the indexes are updated: otherwise a new
    /// session with the same identifier could lose its entries in them.
    fn remove(&self, id: SessionId) -> Option<Arc<Kept>> {
        let mut shard = self.shard(id);
        let removed = shard.remove(&id)?;
        match removed.ended() {
            Some(Ended { at, .. }) => lock(&self.ended).remove(at, id),
            None => lock(&self.subjects).remove(&removed),
        }
        // It was taken out before, but comes back if the session was ended in between.
        lock(&self.ends).remove(Arc::clone(&removed));
        Some(removed)
    }
}

impl SessionStore for MemoryStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.0.clock.now())
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let id = record.session.id;
        let mut shard = self.0.shard(id);
        let Entry::Vacant(slot) = shard.entry(id) else {
            return Err(StoreError::new(StoreErrorKind::Duplicate));
        };
        let kept = match record.state.ended {
            None => lock(&self.0.subjects).add(record),
            Some(Ended { at, .. }) => {
                lock(&self.0.ended).add(at, id);
                Arc::new(Kept::new(record, record.session.issuer.as_str().into()))
            }
        };
        lock(&self.0.ends).add(Arc::clone(&kept));
        slot.insert(kept);
        Ok(())
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            record: self.0.get(id),
            now: self.0.clock.now(),
        })
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        let swapped = match next.ended {
            None => self.0.change(id, |kept| kept.swap(expected, next)),
            Some(_) => self.0.end(id, |kept| kept.ended_by(expected, next)),
        };
        Ok(if swapped { Swap::Swapped } else { Swap::Lost })
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        for &(id, generation) in pairs {
            self.0.change(id, |kept| kept.confirm(generation, now));
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let ended = Ended::new(self.0.clock.now(), reason);
        Ok(self.0.end(id, |kept| kept.ended_at(ended)))
    }

    // There is no await in here, so this cannot be cancelled half-way.
    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let as_ended = Ended::new(self.0.clock.now(), reason);
        let mut ended = Vec::new();
        let mut page = self.0.page(issuer, subject, None);
        while let Some(&last) = page.last() {
            let others = page.into_iter().filter(|id| Some(*id) != keep);
            ended.extend(others.filter(|id| self.0.end(*id, |kept| kept.ended_at(as_ended))));
            page = self.0.page(issuer, subject, Some(last));
        }
        Ok(ended)
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let now = self.0.clock.now();
        let mut records = Vec::new();
        let mut page = self.0.page(issuer, subject, before);
        while let Some(&last) = page.last() {
            let live = page
                .into_iter()
                .filter_map(|id| self.0.get(id))
                .filter(|record| record.is_live(now));
            records.extend(live.take(limit - records.len()));
            if records.len() == limit {
                break;
            }
            page = self.0.page(issuer, subject, Some(last));
        }
        Ok(Listed { records, now })
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        self.walk(issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let ended = lock(&self.0.ended);
        Ok(ended.since(since, after).take(limit).collect())
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        let mut deleted = 0;
        while deleted < limit {
            let Some(id) = lock(&self.0.ends).pop(now) else {
                break;
            };
            drop(self.0.remove(id));
            deleted += 1;
            if deleted % PAGE == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(deleted)
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        Ok(Some(lock(&self.0.ends).len() > 0))
    }
}
