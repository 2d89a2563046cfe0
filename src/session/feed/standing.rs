use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use super::{FeedStatus, WhenBehind};

const TRUSTED: u8 = 0;
const ASK: u8 = 1;
const REFUSE: u8 = 2;

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

/// What requests are told by the feed. They read one number.
#[derive(Debug, Default)]
pub(in crate::session) struct Standing {
    stand: AtomicU8,
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

impl Standing {
    #[inline]
    pub(in crate::session) fn get(&self) -> Stand {
        match self.stand.load(Ordering::Acquire) {
            TRUSTED => Stand::Trusted,
            ASK => Stand::Ask,
            _ => Stand::Refuse,
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
                (FeedStatus::Current, _) | (_, WhenBehind::ServeOn) => TRUSTED,
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
