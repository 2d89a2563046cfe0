//! `Retry-After`: how long a client is to wait that is refused with 503 (RFC 9110 §10.2.3).

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

#[cfg(feature = "session")]
use std::time::Duration;

use super::load::{LONGEST, Load};

/// The most that a layer tells. A storm of refreshes comes to the endpoints: whoever calls an API waits for its
/// answer, and a gRPC client waits within the call.
#[cfg(feature = "_jws")]
const LONGEST_OF_LAYERS: u8 = 5;

/// How long a client is told to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// By the load, to which it adds, and up to so many seconds.
    ByLoad(u8),
    /// What the application wants, in seconds. It adds nothing to the load either.
    #[cfg(feature = "session")]
    Told(u8),
    /// A second, whatever the load. It adds nothing to the load: whoever makes up a token or a cookie could
    /// otherwise keep all others away.
    Second,
}

impl Pause {
    /// What an endpoint tells.
    pub(crate) const OF_ENDPOINTS: Self = Self::ByLoad(LONGEST);
    /// What a layer tells.
    #[cfg(feature = "_jws")]
    pub(crate) const OF_LAYERS: Self = Self::ByLoad(LONGEST_OF_LAYERS);

    /// This time, in whole seconds that are not less.
    #[cfg(feature = "session")]
    pub(crate) fn told(after: Duration) -> Self {
        let seconds = after.as_millis().div_ceil(1000);
        let seconds = u8::try_from(seconds).unwrap_or(LONGEST);
        Self::Told(seconds.clamp(1, LONGEST))
    }

    /// The number for `Retry-After`. Call it once for each answer: it is counted.
    pub(crate) fn seconds(self) -> u32 {
        match self {
            Self::ByLoad(longest) => within(count().min(longest)),
            #[cfg(feature = "session")]
            Self::Told(seconds) => seconds.into(),
            Self::Second => 1,
        }
    }
}

/// All layers and endpoints of a process have one load, as what they refuse is refused for the same
/// reason.
static REFUSALS: Refusals = Refusals::new();
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Counts a refusal, and gives the limit that holds for it.
fn count() -> u8 {
    let second = u32::try_from(START.elapsed().as_secs()).unwrap_or(u32::MAX);
    REFUSALS.count(second)
}

/// A random number from one to the limit, or without randomness the limit.
fn within(limit: u8) -> u32 {
    let limit = u32::from(limit);
    match limit {
        0 | 1 => 1,
        _ => getrandom::u32().map_or(limit, |random| 1 + random % limit),
    }
}

/// A [`Load`] that threads share without a lock.
struct Refusals(AtomicU64);

impl Refusals {
    const fn new() -> Self {
        Self(AtomicU64::new(pack(Load::NONE)))
    }

    /// Counts a refusal in this second, and gives the limit that holds for it. Where many are refused,
    /// most of them write nothing.
    fn count(&self, second: u32) -> u8 {
        let next = |packed| unpack(packed).refuse(second);
        let before = self.0.fetch_update(Relaxed, Relaxed, |packed| {
            Some(pack(next(packed))).filter(|next| *next != packed)
        });
        next(before.unwrap_or_else(|same| same)).limit
    }
}

const fn pack(load: Load) -> u64 {
    let [a, b, c, d] = load.second.to_le_bytes();
    u64::from_le_bytes([a, b, c, d, load.refused, load.limit, 0, 0])
}

fn unpack(packed: u64) -> Load {
    let [a, b, c, d, refused, limit, ..] = packed.to_le_bytes();
    Load {
        second: u32::from_le_bytes([a, b, c, d]),
        refused,
        limit,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// The limit that holds for the last of so many refusals.
    fn refuse(refusals: &Refusals, second: u32, times: u32) -> u8 {
        (0..times).map(|_| refusals.count(second)).last().unwrap()
    }

    #[test]
    fn who_refuses_few_tells_nobody_more_than_a_second() {
        let refusals = Refusals::new();
        for second in 0..1_000 {
            assert_eq!(refuse(&refusals, second, 100), 1);
        }
    }

    #[test]
    fn each_second_with_many_doubles_the_limit() {
        let refusals = Refusals::new();
        let limits: Vec<_> = (7..17).map(|at| refuse(&refusals, at, 101)).collect();
        assert_eq!(limits, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        // The count of one second is not that of the next.
        let limits: Vec<_> = (17..26).map(|at| refuse(&refusals, at, 51)).collect();
        assert_eq!(limits, [120, 60, 30, 15, 7, 3, 1, 1, 1]);
    }

    #[test]
    fn each_second_without_any_halves_it() {
        for (seconds, limit) in [(1, 120), (2, 60), (3, 30), (7, 1), (8, 1), (9, 1)] {
            let refusals = Refusals::new();
            (0..9).for_each(|at| _ = refuse(&refusals, at, 101));
            assert_eq!(refusals.count(8 + seconds), limit, "after {seconds} s");
        }
        for pause in [10, 100, 1 << 20, u32::MAX - 8] {
            let refusals = Refusals::new();
            (0..9).for_each(|at| _ = refuse(&refusals, at, 101));
            assert_eq!(refusals.count(8 + pause), 1, "after {pause} s");
        }
    }

    #[test]
    fn many_threads_that_cross_a_second_double_once() {
        let refusals = Refusals::new();
        for second in 0..7 {
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| assert_eq!(refuse(&refusals, second, 50), 1 << second));
                }
            });
        }
    }

    #[test]
    fn who_comes_late_counts_for_the_second_that_has_begun() {
        let refusals = Refusals::new();
        assert_eq!(refuse(&refusals, 5, 101), 1);
        assert_eq!(refusals.count(6), 2);
        assert_eq!(refuse(&refusals, 5, 100), 2);
        assert_eq!(refusals.count(7), 4);
    }

    #[test]
    fn what_is_told_is_any_second_up_to_the_limit() {
        for limit in [1, 2, 3, 120] {
            let mut told: Vec<_> = (0..20_000).map(|_| within(limit)).collect();
            told.sort_unstable();
            told.dedup();
            assert_eq!(told, (1..=limit.into()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let load = Load {
            second: 0x0102_0304,
            refused: 101,
            limit: 120,
        };
        assert_eq!(unpack(pack(load)), load);
    }
}
