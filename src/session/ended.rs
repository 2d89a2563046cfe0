//! The ended sessions that this process knows of, remembered as long as their access tokens live.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::claims::SessionId;

/// How long an entry is kept beyond the access lifetime. It is more than any verifier's leeway
/// and any difference between two clocks with which the tokens would still work.
const MARGIN: Duration = Duration::from_secs(10 * 60);
const FIRST_PRUNE: usize = 1024;

/// A set of sessions. An entry is removed after the last access token of its session has expired.
#[derive(Debug)]
pub(super) struct EndedSessions {
    keep: Duration,
    until: RwLock<HashMap<SessionId, Instant>>,
    /// Spares each request the lock while no session is ended.
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
