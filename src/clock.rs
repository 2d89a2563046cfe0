//! Sources of time: the trait [`Clock`], the [`SystemClock`] and, for tests, the [`ManualClock`].

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in milliseconds since the Unix epoch.
///
/// In JSON it is a `NumericDate` (RFC 7519 §2): whole seconds when written, any number of
/// seconds when read. Arithmetic saturates, so that no claim of an attacker can make it overflow.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::clock::Timestamp;
///
/// let issued = Timestamp::from_secs(1_700_000_000);
/// assert_eq!(issued + Duration::from_secs(600), Timestamp::from_secs(1_700_000_600));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The given number of milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The given number of whole seconds after the Unix epoch; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down, as in the `exp` and `iat` of a token.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time rounded down to a whole second.
    pub const fn floor(self) -> Self {
        Self::from_secs(self.as_secs())
    }

    /// The time rounded up to a whole second; saturates.
    pub const fn ceil(self) -> Self {
        Self(self.0.saturating_add(999)).floor()
    }

    /// Milliseconds from `earlier` to `self`; negative if `earlier` is later than `self`.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time from `earlier` to `self`, or zero if `earlier` is later than `self`.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis_since(earlier)).unwrap_or(0))
    }
}

/// The milliseconds of a duration; saturates. This runs on every request and so does not use
/// `as_millis`, which multiplies 128-bit numbers.
pub(crate) fn millis(duration: Duration) -> i64 {
    let whole = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    whole
        .saturating_mul(1000)
        .saturating_add(i64::from(duration.subsec_millis()))
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(millis(rhs)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(millis(rhs)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(millis(before.duration()).saturating_neg()),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_millis(time.0.unsigned_abs());
        let moved = if time.0 < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        moved.unwrap_or(UNIX_EPOCH)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.as_secs())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json passes any number to a visitor that asks for a float, and integers as
        // integers. To a visitor that asks for anything, it may pass something else if another
        // crate of the application turns on its features.
        deserializer.deserialize_f64(NumericDate)
    }
}

struct NumericDate;

impl serde::de::Visitor<'_> for NumericDate {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a NumericDate, seconds since the Unix epoch")
    }

    fn visit_i64<E>(self, secs: i64) -> Result<Timestamp, E> {
        Ok(Timestamp::from_secs(secs))
    }

    fn visit_u64<E>(self, secs: u64) -> Result<Timestamp, E> {
        Ok(Timestamp::from_secs(
            i64::try_from(secs).unwrap_or(i64::MAX),
        ))
    }

    fn visit_f64<E: serde::de::Error>(self, secs: f64) -> Result<Timestamp, E> {
        if !secs.is_finite() {
            return Err(E::invalid_value(serde::de::Unexpected::Float(secs), &self));
        }
        // A float-to-integer cast saturates, which is what a far date should do.
        Ok(Timestamp((secs * 1000.0).floor() as i64))
    }
}

/// A source of time for a verifier ([`Verifier::clock`](crate::Verifier::clock)), for a client, and
/// for a store that has no clock of its own. Sessions in PostgreSQL, MySQL, MariaDB, Redis and MongoDB use
/// the clock of the database.
///
/// If tokens are issued by one clock and verified by another, the two must agree to within the
/// [leeway](crate::Verifier::leeway). In tests, give clones of one [`ManualClock`] to the store and
/// to the verifier, and wrap a store that has its database's clock in a
/// [`ClockedStore`](https://docs.rs/tower-bearer/latest/tower_bearer/testing/struct.ClockedStore.html). A clock
/// is read on each request, so it must not block.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::clock::{Clock, SystemClock, Timestamp};
///
/// /// The clock of a test machine whose system clock is wrong and has to stay so.
/// struct Corrected(Duration);
///
/// impl Clock for Corrected {
///     fn now(&self) -> Timestamp {
///         SystemClock.now() + self.0
///     }
/// }
/// # assert!(Corrected(Duration::from_secs(9)).recent() > SystemClock.now());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a clock",
    note = "`SystemClock` is one, and `ManualClock` for tests; both, and an `Arc` of either, tell the time"
)]
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// A time that is cheaper to read and may be slightly old. It must **never be later** than
    /// [`now`](Self::now), and must be **less than a second** earlier. The default is `now`, which
    /// is always right.
    ///
    /// A [`Verifier`](crate::Verifier) reads it for each token that it remembers. If the start or
    /// the end of the token is less than a second away, the verifier also reads `now`. A `recent`
    /// time that is more than a second old lets a remembered token live past its end, by the time
    /// above the second. One that is ahead of `now` accepts a remembered token before its start.
    fn recent(&self) -> Timestamp {
        self.now()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn recent(&self) -> Timestamp {
        (**self).recent()
    }
}

/// The operating system's wall clock.
///
/// On Linux, [`recent`](Clock::recent) is the time of the kernel's last tick
/// (`CLOCK_REALTIME_COARSE`), which can be read in a fifth of the time. It is some milliseconds
/// old, except for a moment after the machine has stood still. On other systems it is
/// [`now`](Clock::now).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    // This asks the C library, as the standard library does for `now`. A replacement of it, such as
    // libfaketime, therefore changes both.
    #[cfg(all(feature = "_jws", target_os = "linux"))]
    fn recent(&self) -> Timestamp {
        use nix::time::{ClockId, clock_gettime};

        let tick = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).map(Duration::from);
        tick.map_or_else(|_| self.now(), |tick| Timestamp(millis(tick)))
    }
}

/// A clock for tests that stands still until it is moved. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::clock::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::new(Timestamp::from_secs(1_000));
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Timestamp::from_secs(1_005));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets the clock to any time, earlier ones included.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_date_may_have_fractions_whether_it_is_read_from_text_or_from_a_value() {
        for (text, millis) in [
            ("1", 1_000),
            ("1.5", 1_500),
            ("-1.5", -1_500),
            ("1.7000000001e9", 1_700_000_000_100),
            ("1e300", i64::MAX),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let date = Timestamp::from_millis(millis);
            assert_eq!(
                serde_json::from_str::<Timestamp>(text).unwrap(),
                date,
                "{text}"
            );
            assert_eq!(
                serde_json::from_value::<Timestamp>(value).unwrap(),
                date,
                "{text}"
            );
        }
        for text in ["\"1\"", "null", "true", "[1]", "{}", "1e400"] {
            assert!(serde_json::from_str::<Timestamp>(text).is_err(), "{text}");
        }
    }
}
