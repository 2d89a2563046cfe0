use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use tokio::time::Instant;

use super::{FeedStatus, WhenBehind};

const TRUSTED: u8 = 0;
const ASK: u8 = 1;
const REFUSE: u8 = 2;
/// Trusted until the deadline, and as above from then on.
const ASK_LATE: u8 = 3;
const REFUSE_LATE: u8 = 4;

/// Whether what this process knows of ended sessions can be relied on.
#[derive(Clone, Copy)]
pub(in crate::session) enum Stand {
    /// It can, or nobody has asked for more.
    Trusted,
    /// The store has to be asked.
    Ask,
    /// No token can be served.
    Refuse,
}

/// What requests are told by the feed. They read one number, and by default nothing else.
///
/// Where more is asked for, they also read the clock: after a freeze of the process, requests may be served before the
/// task of the feed tells that it is behind.
#[derive(Debug)]
pub(in crate::session) struct Standing {
    stand: AtomicU8,
    /// Until when the last read holds, in nanoseconds from `origin`.
    deadline: AtomicU64,
    origin: Instant,
    newest: Mutex<Newest>,
}

/// The newest feed, which alone has a say.
#[derive(Debug, Default)]
struct Newest {
    feed: FeedId,
    is_live: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FeedId(u64);

impl Default for Standing {
    fn default() -> Self {
        Self {
            stand: AtomicU8::new(TRUSTED),
            deadline: AtomicU64::new(0),
            origin: Instant::now(),
            newest: Mutex::default(),
        }
    }
}

impl Standing {
    #[inline]
    pub(in crate::session) fn get(&self) -> Stand {
        match self.stand.load(Ordering::Acquire) {
            TRUSTED => Stand::Trusted,
            stand => self.get_by_clock(stand),
        }
    }

    #[cold]
    fn get_by_clock(&self, stand: u8) -> Stand {
        match stand {
            ASK_LATE | REFUSE_LATE if !self.is_late() => Stand::Trusted,
            ASK | ASK_LATE => Stand::Ask,
            _ => Stand::Refuse,
        }
    }

    fn is_late(&self) -> bool {
        self.nanoseconds(Instant::now()) >= self.deadline.load(Ordering::Acquire)
    }

    fn nanoseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// What this feed has read holds until then.
    pub(super) fn holds_until(&self, feed: FeedId, deadline: Instant) {
        let newest = self.newest();
        if newest.is_live && newest.feed == feed {
            let deadline = self.nanoseconds(deadline);
            self.deadline.store(deadline, Ordering::Release);
        }
    }

    /// Begins a feed if there is none.
    pub(super) fn begin(&self) -> Option<FeedId> {
        let mut newest = self.newest();
        if newest.is_live {
            return None;
        }
        *newest = Newest {
            feed: FeedId(newest.feed.0.wrapping_add(1)),
            is_live: true,
        };
        Some(newest.feed)
    }

    /// Tells whether this feed has still a say.
    pub(super) fn set(&self, feed: FeedId, status: FeedStatus, when: WhenBehind) -> bool {
        let newest = self.newest();
        let has_a_say = newest.is_live && newest.feed == feed;
        if has_a_say {
            let stand = match (status, when) {
                (_, WhenBehind::ServeOn) => TRUSTED,
                (FeedStatus::Current, WhenBehind::AskStore) => ASK_LATE,
                (FeedStatus::Current, WhenBehind::Refuse) => REFUSE_LATE,
                (_, WhenBehind::AskStore) => ASK,
                (_, WhenBehind::Refuse) => REFUSE,
            };
            self.stand.store(stand, Ordering::Release);
        }
        has_a_say
    }

    /// The feed has gone by itself. What it has said last holds until its handle is dropped.
    pub(super) fn gone(&self, feed: FeedId) {
        let mut newest = self.newest();
        if newest.feed == feed {
            newest.is_live = false;
        }
    }

    /// The feed is not wanted any more.
    pub(super) fn release(&self, feed: FeedId) {
        let mut newest = self.newest();
        if newest.feed == feed {
            newest.is_live = false;
            self.stand.store(TRUSTED, Ordering::Release);
        }
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
