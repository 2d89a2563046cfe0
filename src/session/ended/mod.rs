//! The ended sessions that this process knows of, remembered as long as their access tokens live.

mod filter;
mod ids;

use std::{
    fmt,
    future::pending,
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use self::{filter::Filter, ids::Ids};
use super::watched::Watched;
use crate::claims::SessionId;

/// How long an entry is kept beyond the access lifetime. It is more than any verifier's leeway
/// and any difference between two clocks with which the tokens would still work.
const MARGIN: Duration = Duration::from_secs(10 * 60);

/// Seconds by which less a session may be kept that is noted again: a part of the margin. Otherwise one that
/// is told of many times would be written each time.
const GRAIN: u32 = 60;

/// So that nobody waits for long while one of them grows, and few for each other.
const SHARDS: usize = 16;

/// How many sessions are forgotten when one is noted. More than one, so that fewer and fewer are left whose
/// time has passed.
const FEW: usize = 16;
/// How many are forgotten where nobody waits for it.
const MANY: usize = 256;

/// A set of sessions. An entry is removed after the last access token of its session has expired.
pub(super) struct EndedSessions {
    keep: Duration,
    origin: Instant,
    /// Spares nearly each request the lock.
    filter: Filter,
    shards: [RwLock<Ids>; SHARDS],
    len: AtomicUsize,
    watched: Watched<SessionId, bool>,
}

impl EndedSessions {
    pub(super) fn new(access_lifetime: Duration) -> Self {
        let keep = kept_for(access_lifetime);
        Self {
            keep,
            origin: Instant::now(),
            // Longer than any entry is kept.
            filter: Filter::new(seconds(keep).saturating_add(GRAIN)),
            shards: Default::default(),
            len: AtomicUsize::new(0),
            watched: Watched::default(),
        }
    }

    /// For how long after its end a session is remembered.
    pub(super) fn keep(&self) -> Duration {
        self.keep
    }

    /// Notes that a session was ended just now.
    pub(super) fn note(&self, id: SessionId) {
        self.note_late(id, Duration::ZERO);
    }

    /// Notes that a session was ended so long ago. It is remembered about as long as if it had been noted
    /// then.
    pub(super) fn note_late(&self, id: SessionId, ago: Duration) {
        self.note_at(Instant::now(), id, ago);
    }

    fn note_at(&self, now: Instant, id: SessionId, ago: Duration) {
        let left = self.keep.saturating_sub(ago);
        if left.is_zero() {
            return;
        }
        let now = now.saturating_duration_since(self.origin);
        let until = seconds(now.saturating_add(left)).saturating_add(1);
        if self.read(id).has(id, until.saturating_sub(GRAIN)) {
            return;
        }
        self.filter.add(id, seconds(now));
        self.change(self.shard(id), |ids| {
            ids.forget(seconds(now), FEW);
            ids.insert(id, until);
        });
        self.watched.tell_last(id, true);
    }

    /// Forgets sessions whose access tokens have expired, as [`note`](Self::note) does for some.
    pub(super) fn forget(&self) {
        let now = seconds(self.origin.elapsed());
        self.filter.turn(now);
        if self.len.load(Ordering::Acquire) == 0 {
            return;
        }
        for shard in &self.shards {
            self.change(shard, |ids| ids.forget(now, MANY));
        }
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.filter.may_contain(id) && self.read(id).contains(id)
    }

    fn shard(&self, id: SessionId) -> &RwLock<Ids> {
        // The last bytes of an identifier are random.
        let [.., last] = *id.as_uuid().as_bytes();
        let [first, ..] = &self.shards;
        let shard = self.shards.get(usize::from(last) % SHARDS);
        shard.unwrap_or(first)
    }

    fn read(&self, id: SessionId) -> RwLockReadGuard<'_, Ids> {
        let shard = self.shard(id).read();
        shard.unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, shard: &RwLock<Ids>, change: impl FnOnce(&mut Ids)) {
        let mut ids = shard.write().unwrap_or_else(PoisonError::into_inner);
        let before = ids.len();
        change(&mut ids);
        // While the shard is locked nothing else of it is counted.
        self.len.fetch_add(ids.len(), Ordering::Release);
        self.len.fetch_sub(before, Ordering::Release);
    }

    /// Ends when the session is noted as ended, at once if it is already.
    pub(super) fn end_of(&self, id: SessionId) -> impl Future<Output = ()> + Send + Sync + use<> {
        let mut told = self.watched.watch(id, false);
        // Whoever notes an end does so under this lock, and only then looks who waits.
        let has_ended = self.read(id).contains(id);
        async move {
            if !has_ended && told.wait_for(|ended| *ended).await.is_err() {
                // The sessions of the process are gone, so nobody will tell.
                pending().await
            }
        }
    }
}

/// For how long it has to be remembered that access tokens are refused.
pub(super) fn kept_for(access_lifetime: Duration) -> Duration {
    access_lifetime.saturating_add(MARGIN)
}

/// More seconds than fit are for ever.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

impl fmt::Debug for EndedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedSessions")
            .field("len", &self.len)
            .finish_non_exhaustive()
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
        let (now, keep) = (ended.origin, ended.keep());
        ended.note_at(now, id(0), keep - SECOND);
        ended.note_at(now, id(1), keep);
        ended.note_at(now, id(2), Duration::ZERO);
        // It was ended once; to be told of that again does not forget it earlier.
        ended.note_at(now, id(2), keep - SECOND);
        assert!(ended.contains(id(0)) && ended.contains(id(2)));
        assert!(!ended.contains(id(1)), "its tokens have expired");

        // Of the same shard.
        ended.note_at(now + SECOND, id(256), Duration::ZERO);
        assert!(
            ended.contains(id(0)),
            "its tokens live up to a second longer"
        );
        ended.note_at(now + 2 * SECOND, id(512), Duration::ZERO);
        assert!(!ended.contains(id(0)));
        assert!(ended.contains(id(2)));
    }

    #[test]
    fn a_session_is_remembered_for_all_of_its_time() {
        let ended = EndedSessions::new(60 * SECOND);
        let (mut now, keep) = (ended.origin, ended.keep());
        for number in 0..2_000 {
            now += Duration::from_millis(333);
            ended.note_at(now, id(number), Duration::ZERO);
        }
        for number in 2_000..2_500 {
            ended.note_at(now + keep, id(number), Duration::ZERO);
        }
        assert!(ended.contains(id(1_999)), "this very moment is its last");
        assert!(!ended.contains(id(0)));
        assert!(!ended.contains(id(1_900)));
    }

    #[test]
    fn the_number_of_all_shards_is_right() {
        let ended = EndedSessions::new(60 * SECOND);
        assert!(!ended.contains(id(1)));
        let now = ended.origin;
        for number in 0..1_000 {
            ended.note_at(now, id(number), Duration::ZERO);
            ended.note_at(now, id(number), Duration::ZERO);
        }
        assert_eq!(ended.len.load(Ordering::Relaxed), 1_000);
        assert!((0..1_000).all(|number| ended.contains(id(number))));
    }

    #[test]
    fn one_that_is_noted_again_is_remembered_as_long_as_its_newest_tokens_live() {
        let ended = EndedSessions::new(60 * SECOND);
        let (now, keep) = (ended.origin, ended.keep());
        ended.note_at(now, id(0), Duration::ZERO);
        ended.note_at(now + keep / 2, id(0), Duration::ZERO);
        ended.note_at(now + keep + 2 * SECOND, id(256), Duration::ZERO);
        assert!(ended.contains(id(0)));
    }
}
