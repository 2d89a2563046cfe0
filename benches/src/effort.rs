//! [`Effort`]: how long to measure.

use std::time::Duration;

/// How long to measure. `--quick` on the command line only shows that a benchmark runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Figures that mean something.
    Full,
    /// Figures that mean nothing, soon.
    Quick,
}

impl Effort {
    /// What the command line asks for.
    pub fn from_args() -> Self {
        if std::env::args().any(|argument| argument == "--quick") {
            Self::Quick
        } else {
            Self::Full
        }
    }

    /// Whether it is [`Quick`](Self::Quick).
    pub fn is_quick(self) -> bool {
        self == Self::Quick
    }

    /// One or the other.
    pub fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }

    /// How many turns each subject has.
    pub fn rounds(self) -> usize {
        self.pick(41, 2)
    }

    /// How long a turn is, about.
    pub fn turn(self) -> Duration {
        self.pick(Duration::from_millis(5), Duration::from_micros(200))
    }
}
