//! Time in ticks. A state holds ages, not times, so that histories that differ by a shift in
//! time are one.

/// How many ticks the reuse window is long. A tick is 5 s, the window 10 s.
pub const WINDOW: i8 = 2;
/// A lifetime that never ends: these do not count down.
pub const FAR: u8 = u8::MAX;

/// The decision looks no further back than twice the window, and no further ahead than once.
pub(crate) const OLDEST: i8 = 2 * WINDOW + 1;
pub(crate) const NEWEST: i8 = -(WINDOW + 1);

/// An age, some ticks later; beyond what the decision looks at it stands still.
pub(crate) fn aged(age: i8, ticks: i8) -> i8 {
    (age + ticks).clamp(NEWEST, OLDEST)
}

/// Takes a tick from the time that is left of a lifetime.
pub(crate) fn run_down(left: &mut u8) {
    if *left != FAR {
        *left = left.saturating_sub(1);
    }
}

/// Whether something is longer ago than the window, or as far ahead, by the store's clock.
pub(crate) fn is_outside_window(age: i8) -> bool {
    !(-WINDOW..=WINDOW).contains(&age)
}
