//! Which expired keys may go.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

/// So long at most a key is seen to have expired before it goes.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long a key is seen to have expired before it goes.
pub(super) fn wait(lease: Duration) -> Duration {
    lease.min(LONGEST_WAIT)
}

/// The keys that this process sees to have expired, by a clock of its own. A store whose clock is wrong for a moment
/// takes none away.
pub(super) struct Fading {
    since: HashMap<String, Instant>,
    wait: Duration,
}

impl Fading {
    pub(super) fn new(lease: Duration) -> Self {
        Self {
            since: HashMap::new(),
            wait: wait(lease),
        }
    }

    /// Notes which keys have expired by one reading of the store's clock, and gives those that had by each one for long
    /// enough.
    pub(super) fn gone(&mut self, expired: impl IntoIterator<Item = String>) -> HashSet<String> {
        let now = Instant::now();
        let seen = expired.into_iter().map(|kid| {
            let since = self.since.get(&kid).copied();
            (kid, since.unwrap_or(now))
        });
        self.since = seen.collect();
        let is_over = |since: &Instant| now.duration_since(*since) >= self.wait;
        let gone = self.since.iter().filter(|(_, since)| is_over(since));
        gone.map(|(kid, _)| kid.clone()).collect()
    }
}
