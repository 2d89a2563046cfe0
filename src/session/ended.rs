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

    /// For how long after its end a session is remembered.
    pub(super) fn keep(&self) -> Duration {
        self.keep
    }

    /// Notes that a session was ended just now.
    pub(super) fn note(&self, id: SessionId) {
        self.note_at(Instant::now(), id, Duration::ZERO);
    }

    /// Notes that a session was ended so long before `now`. It is remembered no longer than if it
    /// had been noted then.
    pub(super) fn note_at(&self, now: Instant, id: SessionId, before: Duration) {
        let left = self.keep.saturating_sub(before);
        let Some(until) = now.checked_add(left).filter(|until| *until > now) else {
            return;
        };
        let mut ended = self.until.write().unwrap_or_else(PoisonError::into_inner);
        let noted = ended.entry(id).or_insert(until);
        *noted = until.max(*noted);
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(number: usize) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number as u128))
    }

    #[test]
    fn what_is_noted_late_is_forgotten_as_early_as_if_it_had_been_noted_at_its_end() {
        let ended = EndedSessions::new(60 * SECOND);
        let (now, keep) = (Instant::now(), ended.keep());
        ended.note_at(now, id(0), keep - SECOND);
        ended.note_at(now, id(1), keep);
        ended.note_at(now, id(2), Duration::ZERO);
        // It was ended once; to be told of that again does not forget it earlier.
        ended.note_at(now, id(2), keep - SECOND);
        assert!(ended.contains(id(0)) && ended.contains(id(2)));
        assert!(!ended.contains(id(1)), "its tokens have expired");

        for number in 0..FIRST_PRUNE {
            ended.note_at(now + SECOND, id(10 + number), Duration::ZERO);
        }
        assert!(!ended.contains(id(0)), "a second later its tokens have too");
        assert!(ended.contains(id(2)));
    }
}
