//! The sessions that this process has ended, for as long as their access tokens live.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::claims::SessionId;

/// More than any verifier's leeway and any drift between two clocks that still work together.
const MARGIN: Duration = Duration::from_secs(10 * 60);
const FIRST_PRUNE: usize = 1024;

/// Bounded by time: an entry goes when the last access token of its session has expired.
#[derive(Debug)]
pub(super) struct EndedSessions {
    keep: Duration,
    until: RwLock<HashMap<SessionId, Instant>>,
    /// Lets the hot path pass without a lock while nobody has logged out.
    len: AtomicUsize,
    prune_at: AtomicUsize,
}

impl EndedSessions {
    pub(super) fn new(access_lifetime: Duration) -> Self {
        Self {
            keep: access_lifetime.saturating_add(MARGIN),
            until: RwLock::default(),
            len: AtomicUsize::new(0),
            prune_at: AtomicUsize::new(FIRST_PRUNE),
        }
    }

    pub(super) fn note(&self, id: SessionId) {
        let now = Instant::now();
        let Some(until) = now.checked_add(self.keep) else {
            return;
        };
        let mut ended = self.until.write().unwrap_or_else(PoisonError::into_inner);
        ended.insert(id, until);
        if ended.len() >= self.prune_at.load(Ordering::Relaxed) {
            ended.retain(|_, until| *until > now);
            self.prune_at
                .store(FIRST_PRUNE.max(ended.len() * 2), Ordering::Relaxed);
        }
        self.len.store(ended.len(), Ordering::Release);
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        if self.len.load(Ordering::Acquire) == 0 {
            return false;
        }
        let ended = self.until.read().unwrap_or_else(PoisonError::into_inner);
        ended.contains_key(&id)
    }
}
