//! When a token is due for a refresh, and how long to wait after a failure.

use std::time::Duration;

use tokio::time::Instant;

use tower_bearer::clock::Timestamp;

/// Longer lifetimes are cut to this one.
pub(crate) const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The share of a lifetime over which the time of a refresh is spread at random, so that clients
/// that signed in together do not refresh together.
const JITTER: f64 = 0.1;

/// A token that expires sooner than this is not sent, because it may expire on its way.
const LONGEST_MARGIN: Duration = Duration::from_secs(5);

/// A moment as the monotonic clock and the wall clock show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Nobody can set this clock, but on many systems it stands still while the machine sleeps.
    pub(crate) monotonic: Instant,
    /// This clock goes on while the machine sleeps, but anyone may set it.
    pub(crate) wall: Timestamp,
}

impl Moment {
    /// The time since `earlier`, by the clock that shows more of it. A wall clock that is set back
    /// changes nothing, and one that is set forward costs a refresh.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_duration_since(earlier.monotonic);
        monotonic.max(self.wall.saturating_since(earlier.wall))
    }
}

/// How long an access token can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validity {
    lifetime: Duration,
    due_after: Duration,
    /// The age of the token at `seen`.
    age: Duration,
    seen: Moment,
}

impl Validity {
    /// For a token that had this age at `seen`. `share` is that of its lifetime after which it is
    /// to be refreshed.
    pub(crate) fn new(lifetime: Duration, age: Duration, seen: Moment, share: f64) -> Self {
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

    /// Whether it is time for a refresh.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        self.age(now) >= self.due_after
    }

    /// Whether a request can be sent with the token.
    pub(crate) fn is_usable(&self, now: Moment) -> bool {
        let margin = (self.lifetime / 10).min(LONGEST_MARGIN);
        self.age(now) < self.lifetime.saturating_sub(margin)
    }

    pub(crate) fn left(&self, now: Moment) -> Duration {
        self.lifetime.saturating_sub(self.age(now))
    }
}

/// How long to wait after so many failures: `first`, doubled with each failure up to `longest`, less
/// a random part of up to a half. What the server has `told` is waited out, and then a random part of up
/// to a half of the longer of both, so that those who were told the same do not come together.
pub(crate) fn back_off(
    failures: u32,
    first: Duration,
    longest: Duration,
    told: Option<Duration>,
) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let own = first.saturating_mul(1 << doublings).min(longest);
    let told = told.unwrap_or_default();
    let half = own.max(told) / 2;
    half.max(told) + half.mul_f64(random())
}

/// A number from 0 to 1, without 1. If the system has no randomness it is 0, which does no harm:
/// it only spreads what clients do over time.
pub(crate) fn random() -> f64 {
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
        let wait = |failures| back_off(failures, secs(1), secs(60), None);
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

    #[test]
    fn nobody_comes_earlier_than_told_nor_all_together() {
        for (failures, told, range) in [
            (1, 0, 500..1_000),
            (1, 1, 1_000..1_500),
            (1, 30, 30_000..45_000),
            (3, 1, 2_000..4_000),
            (7, 1, 30_000..60_000),
            (7, 40, 40_000..70_000),
            (7, 120, 120_000..180_000),
            (u32::MAX, 300, 300_000..450_000),
        ] {
            let waits = [(); 1000]
                .map(|()| back_off(failures, secs(1), secs(60), Some(secs(told))).as_millis());
            let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(range.contains(first) && range.contains(last), "{told}");
            let width = range.end - range.start;
            assert!(last - first > width * 9 / 10, "{told}: {first} to {last}");
        }
    }
}
