//! How many sessions the tables have.

use std::{env, io};

use tower_bearer_benches::effort::Effort;

/// The table that the others are compared with comes first.
pub(crate) struct Sizes(Vec<usize>);

/// What the environment may ask for.
const LARGEST: [usize; 3] = [100_000, 1_000_000, 10_000_000];
const MOST: usize = 1_000_000;

/// From how many on all sessions of a table are refreshed no more, but some of them.
const MOST_ACTIVE: usize = 10_000;

impl Sizes {
    /// Up to a million, or up to what the environment says.
    ///
    /// # Errors
    ///
    /// Where it says something else than the size of one of the tables.
    pub(crate) fn of(effort: Effort) -> io::Result<Self> {
        let all: &[usize] = match effort {
            Effort::Full => &[1_000, 100_000, 1_000_000, 10_000_000],
            Effort::Quick => &[200, 1_000, 20_000],
        };
        let largest = match env::var("GROWTH_SESSIONS") {
            Ok(text) => asked_for(&text)?,
            Err(_) => MOST,
        };
        let sizes = all.iter().copied().filter(|size| *size <= largest);
        Ok(Self(sizes.collect()))
    }

    pub(crate) fn all(&self) -> &[usize] {
        &self.0
    }

    pub(crate) fn smallest(&self) -> usize {
        self.0.first().copied().expect("there is one")
    }
}

fn asked_for(text: &str) -> io::Result<usize> {
    let asked = text.parse().ok();
    let known = asked.filter(|size| LARGEST.contains(size));
    known.ok_or_else(|| {
        io::Error::other(format!(
            "GROWTH_SESSIONS is {text:?}, and must be one of {LARGEST:?}; without it the largest \
             table has {MOST} sessions"
        ))
    })
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
