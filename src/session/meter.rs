//! What sessions count: refreshes by verdict, events by kind, and since when their key signs.

use super::{
    EndReason, RefreshOutcome, Refreshed, Refusal, Reuse, SessionError, SessionErrorKind,
    SessionEventKind,
};
use crate::{
    jws::KeySet,
    metrics::{Counters, Gauge, Metric, Unit},
};

static REFRESHES: Metric = Metric {
    name: "tower_bearer.refreshes",
    unit: Unit::Count,
    help: "Refreshes by verdict",
};
static EVENTS: Metric = Metric {
    name: "tower_bearer.session.events",
    unit: Unit::Count,
    help: "What has happened to sessions",
};
static KEY_SINCE: Metric = Metric {
    name: "tower_bearer.signing_key.start_time",
    unit: Unit::Seconds,
    help: "When this process began to sign with its key, in seconds since 1970",
};

const VERDICTS: [[&str; 2]; 10] = [
    ["rotated", ""],
    ["current", ""],
    ["redelivered", ""],
    ["restored", ""],
    ["refused", "invalid_scope"],
    ["refused", "invalid_target"],
    ["unavailable", ""],
    ["throttled", ""],
    ["failed", "store"],
    ["failed", "application"],
];
const REFUSALS: [Refusal; 12] = [
    Refusal::Malformed,
    Refusal::Unknown,
    Refusal::Forged,
    Refusal::Ended,
    Refusal::Expired,
    Refusal::Reused,
    Refusal::OtherClient,
    Refusal::Unproven,
    Refusal::UnprovenDevice,
    Refusal::Unbound,
    Refusal::Exhausted,
    Refusal::Subject,
];
const KINDS: [SessionEventKind; 14] = [
    SessionEventKind::Started,
    SessionEventKind::Adopted,
    SessionEventKind::Rotated,
    SessionEventKind::Repeated,
    SessionEventKind::Neighbour,
    SessionEventKind::LateRedelivery,
    SessionEventKind::Overtaken,
    SessionEventKind::Bound,
    SessionEventKind::Reauthenticated,
    SessionEventKind::StoreLostWrites,
    SessionEventKind::Reused(Reuse::Confirmed),
    SessionEventKind::Reused(Reuse::BudgetSpent),
    SessionEventKind::Reused(Reuse::Strict),
    SessionEventKind::Reused(Reuse::Older),
];

pub(super) struct Meter {
    refreshes: Counters,
    key_since: Gauge,
}

impl Meter {
    pub(super) fn new(keys: &KeySet) -> Self {
        let refused = REFUSALS.map(|refusal| ["refused", refusal.as_str()]);
        let meter = Self {
            refreshes: Counters::new(
                &REFRESHES,
                ["verdict", "error.type"],
                VERDICTS.into_iter().chain(refused),
            ),
            key_since: Gauge::new(&KEY_SINCE),
        };
        meter.signs_with(keys);
        meter
    }

    pub(super) fn signs_with(&self, keys: &KeySet) {
        if let Some(since) = keys.signing_since() {
            self.key_since.set_to(since);
        }
    }

    pub(super) fn refreshed(&self, refreshed: &Result<Refreshed, SessionError>) {
        self.refreshes.add_one(match refreshed {
            Ok(refreshed) => [outcome(refreshed.outcome), ""],
            Err(error) => failure(error.kind()),
        });
    }
}

/// Counts events by kind, and by why a session was ended or a token refused.
#[derive(Debug)]
pub(super) struct EventMeter(Counters);

impl Default for EventMeter {
    fn default() -> Self {
        let refused = REFUSALS.map(SessionEventKind::Refused);
        let ended = EndReason::ALL.iter().copied();
        let ended =
            ended.filter(|reason| *reason != EndReason::Moved && *reason != EndReason::Other);
        let all = KINDS
            .into_iter()
            .chain(refused)
            .chain(ended.map(SessionEventKind::Ended));
        Self(Counters::new(&EVENTS, ["kind", "reason"], all.map(labels)))
    }
}

impl EventMeter {
    pub(super) fn told(&self, kind: SessionEventKind) {
        self.0.add_one(labels(kind));
    }
}

fn labels(kind: SessionEventKind) -> [&'static str; 2] {
    let reason = match kind {
        SessionEventKind::Ended(reason) => reason.as_str(),
        SessionEventKind::Refused(Refusal::Forged) => "",
        SessionEventKind::Refused(refusal) => refusal.as_str(),
        _ => "",
    };
    [kind.as_str(), reason]
}

fn outcome(outcome: RefreshOutcome) -> &'static str {
    match outcome {
        RefreshOutcome::Rotated => "rotated",
        RefreshOutcome::Current => "current",
        RefreshOutcome::Redelivered => "redelivered",
        RefreshOutcome::Restored => "restored",
    }
}

fn failure(kind: SessionErrorKind) -> [&'static str; 2] {
    match kind {
        SessionErrorKind::InvalidGrant(refusal) => ["refused", refusal.as_str()],
        SessionErrorKind::InvalidScope => ["refused", "invalid_scope"],
        SessionErrorKind::InvalidTarget => ["refused", "invalid_target"],
        SessionErrorKind::Unavailable => ["unavailable", ""],
        SessionErrorKind::Throttled => ["throttled", ""],
        SessionErrorKind::Store => ["failed", "store"],
        SessionErrorKind::Grant
        | SessionErrorKind::Signing
        | SessionErrorKind::InvalidRequest
        | SessionErrorKind::TooManySessions => ["failed", "application"],
    }
}
