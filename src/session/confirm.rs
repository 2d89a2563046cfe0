//! Confirmations, which tell the store that a client holds the refresh token of a generation.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;

use super::patience::within;
use crate::{
    claims::SessionId,
    store::{SessionStore, StoreError},
    trace,
};

/// How long a confirmation waits for others that are written together with it.
const FLUSH_AFTER: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(10);
const BATCH: usize = 256;
/// Each request looks at what was seen; shards keep cores from waiting for the same lock.
const SHARDS: usize = 16;
/// How many sessions each of the two maps of a [`Seen`] holds.
const REMEMBERED: usize = 1024;
/// When this many pairs are waiting, new ones are not taken. The client's next request brings
/// them again.
const WAITING: usize = 64 * 1024;

/// Keeps the confirmations that are not written yet, and remembers those that were seen, so that
/// a client's later requests write nothing. Both are bounded.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    seen: [RwLock<Seen>; SHARDS],
    /// When both are locked, a shard of `seen` is locked first.
    state: Mutex<State>,
    flushing: Arc<AtomicBool>,
}

/// The newest generation that was seen of each session. When `recent` is full it becomes `older`,
/// and the previous `older` is forgotten, which costs no more than a repeated, idempotent write.
#[derive(Debug, Default)]
struct Seen {
    recent: HashMap<SessionId, u32, RandomState>,
    older: HashMap<SessionId, u32, RandomState>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<SessionId, u32>,
    /// How many flushes are under way. Their pairs come back if they are not written.
    writing: usize,
}

impl Confirmations {
    /// Notes that a client holds this generation. If a flush has to be started now, gives the
    /// right to do so.
    pub(super) fn note(&self, id: SessionId, generation: u32) -> Option<Flushing> {
        // A UUID of version 7 ends in random bits (RFC 9562 §5.7).
        let shard = id.as_uuid().as_bytes().last().copied().unwrap_or_default();
        let seen = self.seen.get(usize::from(shard) % SHARDS)?;
        let is_seen = |seen: &Seen| seen.has(id, generation);
        if is_seen(&seen.read().unwrap_or_else(PoisonError::into_inner)) {
            return None;
        }
        let mut seen = seen.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.lock();
        if is_seen(&seen) || state.waiting.len() >= WAITING {
            return None;
        }
        seen.remember(id, generation);
        state.wait(id, generation);
        drop((seen, state));
        Flushing::begin(&self.flushing)
    }

    /// Writes confirmations until none is waiting. [`note`](Self::note) tells when the next flush
    /// has to be started.
    pub(super) async fn flush_until_empty(
        &self,
        mut flushing: Flushing,
        store: &impl SessionStore,
        timeout: Duration,
    ) {
        loop {
            let mut wait = FLUSH_AFTER;
            while !self.is_empty() {
                tokio::time::sleep(wait).await;
                wait = match self.flush(store, timeout).await {
                    Ok(()) => FLUSH_AFTER,
                    Err(_error) => {
                        trace::warn!(
                            error = &_error as &dyn std::error::Error,
                            "confirmations wait"
                        );
                        wait.saturating_mul(2).min(LONGEST_RETRY)
                    }
                };
            }
            drop(flushing);
            // A pair that was noted before the drop started no flush, as this one was under way. So
            // look once more, and only then take the right again: a pair that is noted after this
            // look starts a flush of its own.
            if self.is_empty() {
                return;
            }
            let Some(again) = Flushing::begin(&self.flushing) else {
                return;
            };
            flushing = again;
        }
    }

    /// Writes the confirmations that are waiting now. Those that could not be written keep
    /// waiting.
    pub(super) async fn flush(
        &self,
        store: &impl SessionStore,
        timeout: Duration,
    ) -> Result<(), StoreError> {
        let mut batch = Returned::take(self);
        while !batch.pairs.is_empty() {
            let rest = batch.pairs.len().saturating_sub(BATCH);
            let last = batch.pairs.get(rest..).unwrap_or_default();
            within(timeout, store.confirm(last)).await?;
            batch.pairs.truncate(rest);
        }
        Ok(())
    }

    /// Whether no pair is waiting, and none can come back from a flush that is under way.
    fn is_empty(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.writing == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Of each session only the newest generation waits, in whatever order they come.
    fn wait(&mut self, id: SessionId, generation: u32) {
        let waiting = self.waiting.entry(id).or_insert(generation);
        *waiting = generation.max(*waiting);
    }
}

impl Seen {
    fn has(&self, id: SessionId, generation: u32) -> bool {
        let seen = self.recent.get(&id).or_else(|| self.older.get(&id));
        seen.is_some_and(|seen| *seen >= generation)
    }

    fn remember(&mut self, id: SessionId, generation: u32) {
        if self.recent.len() >= REMEMBERED {
            self.older = mem::take(&mut self.recent);
        }
        self.recent.insert(id, generation);
    }
}

/// Pairs that a flush is writing. Those that were not written go back when it is dropped, also
/// when the flush is cancelled.
struct Returned<'a> {
    pairs: Vec<(SessionId, u32)>,
    to: &'a Confirmations,
}

impl<'a> Returned<'a> {
    fn take(to: &'a Confirmations) -> Self {
        let mut state = to.lock();
        state.writing += 1;
        let pairs = mem::take(&mut state.waiting).into_iter().collect();
        Self { pairs, to }
    }
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        let mut state = self.to.lock();
        state.writing -= 1;
        for (id, generation) in self.pairs.drain(..) {
            state.wait(id, generation);
        }
    }
}

/// The right to flush, which one task has at a time. It is given back when dropped, also if the
/// task never ran.
pub(super) struct Flushing(Arc<AtomicBool>);

impl Flushing {
    fn begin(flushing: &Arc<AtomicBool>) -> Option<Self> {
        let taken = flushing.swap(true, Ordering::AcqRel);
        (!taken).then(|| Self(Arc::clone(flushing)))
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
