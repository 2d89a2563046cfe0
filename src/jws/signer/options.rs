use std::time::Duration;

use tokio::sync::Semaphore;

/// How much a [`Signer`](super::Signer) is asked at once, and for how long it is waited for.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::jws::SignerOptions;
///
/// let of_a_slow_hsm = SignerOptions::new()
///     .max_calls(4)
///     .max_waiting(64)
///     .timeout(Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct SignerOptions {
    pub(super) max_calls: usize,
    pub(super) max_waiting: usize,
    pub(super) timeout: Duration,
}

impl SignerOptions {
    /// 32 calls, 256 that wait, and 2 seconds.
    pub fn new() -> Self {
        Self {
            max_calls: 32,
            max_waiting: 256,
            timeout: Duration::from_secs(2),
        }
    }

    /// How many calls are under way at once in this process: 32 by default, and at least 1.
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.max_calls = calls.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many wait for their turn while all calls are under way, in the order in which they came: 256 by
    /// default. Whoever comes then is refused at once, with
    /// [`SignerBusy`](super::super::SignErrorKind::SignerBusy). With 0 nobody waits.
    pub fn max_waiting(mut self, waiting: usize) -> Self {
        self.max_waiting = waiting.min(Semaphore::MAX_PERMITS);
        self
    }

    /// How long a signature is waited for, the wait for its turn included: 2 seconds by default. The call is
    /// cancelled then.
    ///
    /// For [`Sessions`](crate::session::Sessions) it has to be below a quarter of the
    /// [reuse window](crate::session::SessionsBuilder::reuse_window), which is 10 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for SignerOptions {
    fn default() -> Self {
        Self::new()
    }
}
