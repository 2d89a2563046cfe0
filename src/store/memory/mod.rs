//! [`MemoryStore`]: sessions in this process' memory.
//!
//! Locks are only ever taken in the order shard, then one index; none is held over an await,
//! and no code of the application (its clock) runs under one.

mod index;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::index::Subjects;
use super::{Listed, Loaded, RevokeReason, Revoked, Session, SessionStore, StoreError};
use super::{StoreErrorKind, Swap};
use crate::{
    claims::SessionId,
    clock::{Clock, SystemClock, Timestamp},
};

const SHARDS: usize = 64;

/// How many sessions are looked at under one lock, or deleted before other tasks get a turn.
const PAGE: usize = 64;

/// Keeps sessions in memory: for tests, and for services of one process whose users may be
/// logged out by a restart.
///
/// Everything is lost when the last clone is dropped, and no other process sees it. As long as
/// it lives it keeps every promise of [`SessionStore`], it never fails but for
/// [`StoreErrorKind::Duplicate`], and the memory it takes is in proportion to the sessions it
/// holds: what has ended goes when [`delete_expired`](SessionStore::delete_expired) is called.
///
/// Clones share the sessions.
///
/// ```
/// use tower_bearer::{SessionId, clock::SystemClock};
/// use tower_bearer::store::{MemoryStore, SessionStore};
///
/// # async fn example(id: SessionId) -> Result<(), tower_bearer::store::StoreError> {
/// let store = MemoryStore::new();
/// assert!(store.load(id).await?.session.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    clock: Box<dyn Clock>,
    shards: [Mutex<Shard>; SHARDS],
    subjects: Mutex<Subjects>,
    /// By `ends_at`, which never changes: what is to be deleted comes first.
    ends: Mutex<BTreeSet<(Timestamp, SessionId)>>,
}

// Trees, not hash tables: they give memory back as they shrink and never stop to rehash.
// A session sits behind an `Arc`, so that a load copies it after the lock is gone.
type Shard = BTreeMap<SessionId, Arc<Session>>;

impl MemoryStore {
    /// An empty store that tells the time by the system's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// An empty store that tells the time by `clock`.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Arc::new(Inner {
            clock: Box::new(clock),
            shards: std::array::from_fn(|_| Mutex::default()),
            subjects: Mutex::default(),
            ends: Mutex::default(),
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

/// A poisoned lock is taken as it is: nothing that runs under one can panic between two writes
/// that belong together, so what it guards is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// The last byte of an identifier is random, the first ones are the time.
    fn shard(&self, id: SessionId) -> MutexGuard<'_, Shard> {
        let [first, ..] = &self.shards;
        let [.., last] = id.as_uuid().into_bytes();
        lock(self.shards.get(usize::from(last) % SHARDS).unwrap_or(first))
    }

    fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.shard(id).get(&id).cloned()
    }

    /// Changes the session if it is not revoked and `fits`, as one step, and tells whether it
    /// did. The version goes up by 1, unless the change sets it.
    fn change(
        &self,
        id: SessionId,
        fits: impl FnOnce(&Session) -> bool,
        change: impl FnOnce(&mut Session),
    ) -> bool {
        let mut shard = self.shard(id);
        let Some(kept) = shard.get_mut(&id) else {
            return false;
        };
        if kept.revoked.is_some() || !fits(kept) {
            return false;
        }
        let Some(version) = kept.version.checked_add(1) else {
            return false;
        };
        let kept = Arc::make_mut(kept);
        kept.version = version;
        change(kept);
        true
    }

    fn revoke(&self, id: SessionId, revoked: Revoked) -> bool {
        self.change(id, |_| true, |kept| kept.revoked = Some(revoked))
    }

    /// A few identifiers of the subject's sessions, ended ones included, lowest first.
    fn page(&self, issuer: &str, subject: &str, after: Option<SessionId>) -> Vec<SessionId> {
        lock(&self.subjects)
            .above(issuer, subject, after)
            .take(PAGE)
            .collect()
    }

    fn pop_expired(&self, now: Timestamp) -> Option<SessionId> {
        let mut ends = lock(&self.ends);
        let &(ends_at, id) = ends.first()?;
        if now < ends_at {
            return None;
        }
        ends.pop_first();
        Some(id)
    }

    /// The shard stays locked until the index knows, else a session that takes the same
    /// identifier meanwhile could lose its place there.
    fn remove(&self, id: SessionId) -> Option<Arc<Session>> {
        let mut shard = self.shard(id);
        let removed = shard.remove(&id)?;
        lock(&self.subjects).remove(&removed);
        Some(removed)
    }
}

impl SessionStore for MemoryStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.0.clock.now())
    }

    async fn insert(&self, session: &Session) -> Result<(), StoreError> {
        let mut new = session.clone();
        new.version = 0;
        let mut shard = self.0.shard(session.id);
        let Entry::Vacant(slot) = shard.entry(session.id) else {
            return Err(StoreError::new(StoreErrorKind::Duplicate));
        };
        slot.insert(Arc::new(new));
        lock(&self.0.subjects).add(session);
        lock(&self.0.ends).insert((session.ends_at, session.id));
        Ok(())
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let session = self.0.get(id).map(Arc::unwrap_or_clone);
        Ok(Loaded {
            session,
            now: self.0.clock.now(),
        })
    }

    async fn swap(&self, expected: u64, next: &Session) -> Result<Swap, StoreError> {
        let swapped = self.0.change(
            next.id,
            |kept| kept.version == expected,
            |kept| advance(kept, next),
        );
        Ok(if swapped { Swap::Swapped } else { Swap::Lost })
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        for &(id, generation) in pairs {
            let fits =
                |kept: &Session| kept.generation == generation && kept.confirmed_at.is_none();
            self.0
                .change(id, fits, |kept| kept.confirmed_at = Some(now));
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
        let revoked = Revoked {
            at: self.0.clock.now(),
            reason,
        };
        Ok(self.0.revoke(id, revoked))
    }

    // No await in here: it is not cancelled half-way.
    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let revoked = Revoked {
            at: self.0.clock.now(),
            reason,
        };
        let mut ended = Vec::new();
        let mut page = self.0.page(issuer, subject, None);
        while let Some(&last) = page.last() {
            ended.extend(page.into_iter().filter(|&id| self.0.revoke(id, revoked)));
            page = self.0.page(issuer, subject, Some(last));
        }
        Ok(ended)
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let now = self.0.clock.now();
        let mut sessions = Vec::new();
        let mut page = self.0.page(issuer, subject, after);
        while let Some(&last) = page.last() {
            let live = page
                .into_iter()
                .filter_map(|id| self.0.get(id))
                .filter(|s| s.is_live(now));
            sessions.extend(live.take(limit - sessions.len()).map(Arc::unwrap_or_clone));
            if sessions.len() == limit {
                break;
            }
            page = self.0.page(issuer, subject, Some(last));
        }
        Ok(Listed { sessions, now })
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        let mut deleted = 0;
        while deleted < limit {
            let Some(id) = self.0.pop_expired(now) else {
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
}

/// Copies what a swap may change.
fn advance(kept: &mut Session, next: &Session) {
    kept.generation = next.generation;
    kept.rotated_at = next.rotated_at;
    kept.delivered_at = next.delivered_at;
    kept.confirmed_at = next.confirmed_at;
    kept.late = next.late;
    kept.expires_at = next.expires_at;
    kept.revoked = next.revoked;
    kept.version = next.version;
    kept.last_refreshed_at = next.last_refreshed_at;
}
