use std::{fmt, sync::Arc, time::Duration};

use crate::error::{ConfigError, ConfigErrorKind};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How a process [follows](super::Sessions::follow) the ends of its sessions.
#[derive(Clone)]
#[must_use]
pub struct FeedOptions {
    pub(super) every: Duration,
    pub(super) behind_after: Duration,
    pub(super) when_behind: WhenBehind,
    pub(super) on_change: Arc<dyn Fn(FeedStatus) + Send + Sync>,
}

impl FeedOptions {
    /// The defaults: a read every half second; behind after 5 seconds; [`WhenBehind::ServeOn`].
    pub fn new() -> Self {
        Self {
            every: Duration::from_millis(500),
            behind_after: Duration::from_secs(5),
            when_behind: WhenBehind::default(),
            on_change: Arc::new(|_| {}),
        }
    }

    /// How long after a read the next one begins: half a second by default. A logout takes effect in other
    /// processes after half of this on average, and each process asks the store as often.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// After how long without a read that succeeds the feed is behind: 5 seconds by default, more than
    /// [`every`](Self::every), and at most a day.
    pub fn behind_after(mut self, time: Duration) -> Self {
        self.behind_after = time;
        self
    }

    /// What happens to requests while the feed is behind, and before it has read for the first time:
    /// [`WhenBehind::ServeOn`] by default.
    pub fn when_behind(mut self, when: WhenBehind) -> Self {
        self.when_behind = when;
        self
    }

    /// Calls `hook` each time that the [status](FeedStatus) changes, for the application's alerts. The log says
    /// it too. The hook must not block. If it panics, that is logged, and the feed goes on.
    pub fn on_change(mut self, hook: impl Fn(FeedStatus) + Send + Sync + 'static) -> Self {
        self.on_change = Arc::new(hook);
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = if self.every.is_zero() {
            "the interval of a feed must not be zero"
        } else if self.behind_after <= self.every {
            "behind_after, which is 5 seconds by default, must be above the interval of the feed"
        } else if self.behind_after > DAY {
            "behind_after must not be above a day"
        } else {
            return Ok(());
        };
        Err(ConfigError::new(ConfigErrorKind::Lifetime, wrong))
    }
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FeedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedOptions")
            .field("every", &self.every)
            .field("behind_after", &self.behind_after)
            .field("when_behind", &self.when_behind)
            .finish_non_exhaustive()
    }
}

/// What a [layer](crate::bearer::BearerLayer::sessions) does with access tokens while the feed is behind, so
/// that this process may not know of sessions that others have ended. The tokens of sessions that it knows
/// were ended are refused in any case, and streams that are open go on.
///
/// Unless they are served on, each request looks at the clock. So it is also in time after a freeze of the process,
/// before the feed has had its turn. While the whole machine is suspended, that clock may stand still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenBehind {
    /// They are accepted, as without a feed. Access tokens go on working while the store is down, and a
    /// logout in another process takes effect when it is back, or when they expire.
    #[default]
    ServeOn,
    /// The store is asked about the session of each, as with
    /// [`check_live`](crate::bearer::BearerLayer::check_live). If it does not answer, the request gets a 503.
    /// The store has to bear one read for each request.
    AskStore,
    /// Each that has a session gets a 503 without a question to the store, which may have enough to do.
    /// Clients keep their tokens.
    Refuse,
}

/// Whether a feed knows of the ends that it is to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedStatus {
    /// Nothing was read yet.
    Starting,
    /// This process knows of the sessions that were ended before the last read, which was not long ago.
    Current,
    /// No read has succeeded for longer than [`behind_after`](FeedOptions::behind_after).
    Behind,
}
