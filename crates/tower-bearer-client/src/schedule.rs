//! When a token is due for a refresh, and how long to wait after a failure.

use std::time::Duration;

use tokio::time::Instant;

use tower_bearer::clock::Timestamp;

/// Lifetimes beyond this are taken for this.
pub(super) const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// How much of a lifetime the time of a refresh is spread over, so that many clients that
/// signed in together do not come back together.
const JITTER: f64 = 0.1;

/// A token that dies sooner than this may die on its way.
const LONGEST_MARGIN: Duration = Duration::from_secs(5);

/// Now, by the two clocks that there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Never set, but on many systems it stands still while the machine sleeps.
    pub(super) monotonic: Instant,
    /// Goes on while the machine sleeps, but may be set to anything.
    pub(super) wall: Timestamp,
}

impl Moment {
    /// The time since then: what the clock says that counted more. A wrong wall clock does no
    /// harm, one that is set forward costs a refresh.
    pub(super) fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_duration_since(earlier.monotonic);
        monotonic.max(self.wall.saturating_since(earlier.wall))
    }
}

/// How long an access token can be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    lifetime: Duration,
    due_after: Duration,
    /// How old the token was at `seen`.
    age: Duration,
    seen: Moment,
}

impl Validity {
    /// Of a token that was of that age at `seen`.
    pub(super) fn new(lifetime: Duration, age: Duration, seen: Moment, share: f64) -> Self {
        let share = (share - JITTER * random()).clamp(0.0, 1.0);
        Self {
            lifetime,
            due_after: lifetime.min(LONGEST_LIFETIME).mul_f64(share),
            age,
            seen,
        }
    }

    fn age(&self, now: Moment) -> Duration {
        self.age.saturating_add(now.since(self.seen))
    }

    /// Whether a refresh should be under way.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.age(now) >= self.due_after
    }

    /// Whether a request may still be sent with it.
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        let margin = (self.lifetime / 10).min(LONGEST_MARGIN);
        self.age(now) < self.lifetime.saturating_sub(margin)
    }

    pub(super) fn left(&self, now: Moment) -> Duration {
        self.lifetime.saturating_sub(self.age(now))
    }
}

/// `first`, doubled with each failure up to `longest`, of which the upper half is random.
pub(super) fn back_off(failures: u32, first: Duration, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = first.saturating_mul(1 << doublings).min(longest);
    whole.mul_f64(0.5 + 0.5 * random())
}

/// In [0, 1). Without randomness clients only meet more often.
pub(super) fn random() -> f64 {
    let random = getrandom::u32().unwrap_or_default();
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(1000);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn start() -> Moment {
        Moment {
            monotonic: Instant::now(),
            wall: Timestamp::from_secs(1_000_000),
        }
    }

    fn later(start: Moment, monotonic: u64, wall: i64) -> Moment {
        Moment {
            monotonic: start.monotonic + secs(monotonic),
            wall: Timestamp::from_millis(start.wall.as_millis() + wall * 1000),
        }
    }

    #[test]
    fn due_at_a_share_and_usable_until_shortly_before_the_end() {
        let start = start();
        for _ in 0..100 {
            let validity = Validity::new(LIFETIME, Duration::ZERO, start, 0.8);
            assert!(!validity.is_due(later(start, 699, 699)));
            assert!(validity.is_due(later(start, 800, 800)));
            assert!(validity.is_usable(later(start, 994, 994)));
            assert!(!validity.is_usable(later(start, 995, 995)));
            assert_eq!(validity.left(later(start, 990, 990)), secs(10));
        }
    }

    #[test]
    fn a_wall_clock_that_is_set_back_changes_nothing() {
        let start = start();
        let validity = Validity::new(LIFETIME, Duration::ZERO, start, 0.8);
        let now = later(start, 100, -1_000_000);
        assert!(validity.is_usable(now) && !validity.is_due(now));
        assert!(validity.is_due(later(start, 900, -1_000_000)));
    }

    #[test]
    fn a_machine_that_slept_knows_by_its_wall_clock() {
        let start = start();
        let validity = Validity::new(LIFETIME, Duration::ZERO, start, 0.8);
        assert!(!validity.is_usable(later(start, 1, 3600)));
    }

    #[test]
    fn the_age_of_a_kept_token_counts() {
        let start = start();
        let validity = Validity::new(LIFETIME, secs(900), start, 0.8);
        assert!(validity.is_due(start) && validity.is_usable(start));
        assert!(!validity.is_usable(later(start, 100, 0)));
        assert!(!Validity::new(LIFETIME, LIFETIME, start, 0.8).is_usable(start));
    }

    #[test]
    fn short_lifetimes_have_short_margins() {
        let start = start();
        let validity = Validity::new(Duration::from_millis(100), Duration::ZERO, start, 0.8);
        assert!(validity.is_usable(start) && !validity.is_due(start));
    }

    #[test]
    fn back_off_doubles_and_is_bounded() {
        let wait = |failures| back_off(failures, secs(1), secs(60));
        for (failures, whole) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (6, 32),
            (7, 60),
            (u32::MAX, 60),
        ] {
            let wait = wait(failures);
            assert!(
                wait >= secs(whole) / 2 && wait <= secs(whole),
                "{failures}: {wait:?}"
            );
        }
        assert_ne!(wait(7), wait(7));
    }
}
