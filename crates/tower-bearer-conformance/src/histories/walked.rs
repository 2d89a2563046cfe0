//! Counts which outcomes the histories had.

use std::collections::BTreeMap;

use tower_bearer::session::{Refusal, SessionEvent, SessionEventKind};

/// The number of histories, and how often each outcome happened.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) histories: usize,
    times: BTreeMap<&'static str, usize>,
}

/// The outcomes that must happen in some history. Otherwise the test would say nothing about them.
const ROWS: [&str; 20] = [
    "started",
    "rotated",
    "repeated",
    "neighbour",
    "late_redelivery",
    "late_after_confirmation",
    "store_lost_writes",
    "reused_confirmed",
    "reused_budget_spent",
    "reused_older",
    "forged",
    "unproven",
    "overtaken",
    "bound",
    "unknown",
    "ended",
    "expired",
    "logout",
    "revocation",
    "evicted",
];

impl Walked {
    pub(super) fn count(&mut self, events: &[SessionEvent]) {
        for event in events {
            self.add(name(event.kind), 1);
        }
    }

    pub(super) fn add(&mut self, what: &'static str, times: usize) {
        *self.times.entry(what).or_default() += times;
    }

    pub(super) fn never(&self) -> Vec<&'static str> {
        let never = |row: &&str| self.times.get(row).is_none_or(|times| *times == 0);
        ROWS.into_iter().filter(never).collect()
    }
}

fn name(kind: SessionEventKind) -> &'static str {
    match kind {
        SessionEventKind::Ended(reason) => reason.as_str(),
        SessionEventKind::Refused(Refusal::Unknown) => "unknown",
        SessionEventKind::Refused(Refusal::Ended) => "ended",
        SessionEventKind::Refused(Refusal::Expired) => "expired",
        other => other.as_str(),
    }
}
