//! How often a verifier finds a token in its memory, and how large that is.

use crate::metrics::{Counter, Metric, Share, Unit};

static LOOKUPS: Metric = Metric {
    name: "tower_bearer.token_cache.lookups",
    unit: Unit::Count,
    help: "Looks into the memory for accepted tokens, by result",
};
static ENTRIES: Metric = Metric {
    name: "tower_bearer.token_cache.entries",
    unit: Unit::Count,
    help: "Access tokens in the memory of all verifiers",
};
static SIZE: Metric = Metric {
    name: "tower_bearer.token_cache.size",
    unit: Unit::Bytes,
    help: "What the memory of all verifiers takes",
};

pub(super) struct Meter {
    hits: Counter,
    misses: Counter,
    entries: Share,
    size: Share,
}

/// What a part of the memory holds.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Meter {
    pub(super) fn new() -> Self {
        let lookups = |result| Counter::new(&LOOKUPS, &[("result", result)]);
        Self {
            hits: lookups("hit"),
            misses: lookups("miss"),
            entries: Share::new(&ENTRIES),
            size: Share::new(&SIZE),
        }
    }

    #[inline]
    pub(super) fn looked(&self, is_hit: bool) {
        match is_hit {
            true => self.hits.add_one(),
            false => self.misses.add_one(),
        }
    }

    pub(super) fn changed(&self, before: Held, after: Held) {
        self.entries.change(before.entries, after.entries);
        self.size.change(before.bytes, after.bytes);
    }
}
