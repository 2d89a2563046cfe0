//! How many sessions the tables have.

use std::env;

use tower_bearer_benches::effort::Effort;

/// The table that the others are compared with comes first.
pub(crate) struct Sizes(Vec<usize>);

/// From how many on all sessions of a table are refreshed no more, but some of them.
const MOST_ACTIVE: usize = 10_000;

impl Sizes {
    /// Up to a million, or up to what the environment says.
    pub(crate) fn of(effort: Effort) -> Self {
        let all: &[usize] = match effort {
            Effort::Full => &[1_000, 100_000, 1_000_000, 10_000_000],
            Effort::Quick => &[200, 1_000, 20_000],
        };
        let largest = env::var("GROWTH_SESSIONS").map_or(1_000_000, |text| {
            text.parse().expect("GROWTH_SESSIONS is a number")
        });
        let sizes = all.iter().copied().filter(|size| *size <= largest);
        Self(sizes.collect())
    }

    pub(crate) fn all(&self) -> &[usize] {
        &self.0
    }

    pub(crate) fn smallest(&self) -> usize {
        self.0.first().copied().expect("there is one")
    }
}

/// How many sessions of a table are refreshed. The size is a multiple of it.
pub(crate) fn active(size: usize) -> usize {
    size.min(MOST_ACTIVE)
}

/// `1k`, `10m`.
pub(crate) fn name(size: usize) -> String {
    match size {
        1_000_000.. => format!("{}m", size / 1_000_000),
        1_000.. => format!("{}k", size / 1_000),
        _ => size.to_string(),
    }
}
