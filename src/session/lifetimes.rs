use std::time::Duration;

use super::keys::KeyTimes;
use crate::error::{ConfigError, ConfigErrorKind};

/// The longest session lifetime, a thousand years. Stores can hold such a time in milliseconds.
const LONGEST: Duration = Duration::from_secs(1000 * 366 * 24 * 60 * 60);

/// Times in tokens are whole seconds.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// The configured lifetimes, or the lifetimes of one session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) access: Duration,
    pub(super) idle: Duration,
    pub(super) session: Duration,
    pub(super) keys: KeyTimes,
}

impl Lifetimes {
    /// The lifetimes of a session whose login sets its idle and session lifetimes, if given.
    pub(super) fn of_a_session(self, idle: Option<Duration>, session: Option<Duration>) -> Self {
        let session = session.unwrap_or(self.session);
        Self {
            access: self.access,
            idle: idle.map_or(self.idle.min(session), to_the_millisecond),
            session,
            keys: self.keys,
        }
    }

    /// For sessions that go on with what another program has begun: they may end sooner than an access token would, which
    /// then ends with them. Only [`check`](Self::check) looks at the access lifetime here.
    pub(super) fn of_any_rest(self) -> Self {
        Self {
            access: SHORTEST,
            ..self
        }
    }

    pub(super) fn check(self) -> Result<(), ConfigError> {
        let Self {
            access,
            idle,
            session,
            keys,
        } = self;
        let wrong = if access < SHORTEST {
            "the access lifetime must be at least a second"
        } else if session.is_zero() {
            "the session lifetime must not be zero"
        } else if idle.is_zero() {
            "the idle lifetime must not be zero"
        } else if access > session {
            "the access lifetime (10 minutes by default) must not be above the session lifetime"
        } else if access > idle {
            "the access lifetime (10 minutes by default) must not be above the idle lifetime"
        } else if idle > session {
            "the idle lifetime must not be above the session lifetime (30 and 180 days by default)"
        } else if session > LONGEST {
            "the session lifetime must not be above a thousand years"
        } else if keys.access.is_some_and(|longest| access > longest) {
            "the access lifetime must not be above the access_lifetime of the key ring, which is an hour by default"
        } else if keys.refresh.is_some_and(|longest| idle > longest) {
            "the idle lifetime must not be above the refresh_lifetime of the key ring, which is 180 days by default"
        } else {
            return Ok(());
        };
        Err(ConfigError::new(ConfigErrorKind::Lifetime, wrong))
    }
}

/// Rounds down to whole milliseconds, which is what stores keep. A duration that is too long for a
/// lifetime stays too long.
fn to_the_millisecond(lifetime: Duration) -> Duration {
    Duration::from_millis(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX))
}
