//! Whether the feed is current, as requests and the application are told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::{sync::watch, time::Instant};

use super::{
    FeedOptions, FeedStatus,
    meter::Meter,
    standing::{FeedId, Standing},
};
use crate::trace;

pub(super) struct Freshness {
    standing: Arc<Standing>,
    pub(super) options: FeedOptions,
    pub(super) id: FeedId,
    /// When the feed is behind, unless a read succeeds before.
    pub(super) deadline: Instant,
    pub(super) status: watch::Sender<FeedStatus>,
    meter: Meter,
}

impl Freshness {
    pub(super) fn new(standing: Arc<Standing>, options: FeedOptions, id: FeedId) -> Self {
        let status = FeedStatus::Starting;
        standing.set(id, status, options.when_behind);
        Self {
            deadline: Instant::now() + options.behind_after,
            status: watch::Sender::new(status),
            meter: Meter::new(),
            standing,
            options,
            id,
        }
    }

    /// A read that began then has succeeded.
    pub(super) fn renew(&mut self, began: Instant) {
        self.meter.has_read(began);
        self.deadline = began + self.options.behind_after;
        // Before the status: whoever learns that the feed is current finds the deadline of this read.
        self.standing.holds_until(self.id, self.deadline);
        if Instant::now() < self.deadline {
            self.set(FeedStatus::Current);
        }
    }

    pub(super) fn set(&self, status: FeedStatus) {
        let when_behind = self.options.when_behind;
        if *self.status.borrow() == status {
            return;
        }
        if !self.standing.set(self.id, status, when_behind) {
            return;
        }
        self.status.send_replace(status);
        self.meter.is(status);
        self.tell(status);
        if status == FeedStatus::Current {
            trace::info!("it is known which sessions were ended");
            return;
        }
        trace::warn!(
            ?when_behind,
            "sessions that others have ended may not be known: the store cannot be read"
        );
    }

    fn tell(&self, status: FeedStatus) {
        let on_change = &self.options.on_change;
        if catch_unwind(AssertUnwindSafe(|| on_change(status))).is_err() {
            trace::warn!("the hook of a feed has panicked");
        }
    }
}

impl Drop for Freshness {
    /// Nobody reads any more. Where the handle is still there, somebody counts on it.
    fn drop(&mut self) {
        let behind = FeedStatus::Behind;
        if !self.standing.set(self.id, behind, self.options.when_behind) {
            return;
        }
        self.standing.gone(self.id);
        self.meter.is(behind);
        trace::warn!("the task that reads which sessions were ended is gone");
        if self.status.send_replace(behind) != behind {
            self.tell(behind);
        }
    }
}
