//! What a presented token gets, by this crate and by others.

use std::time::Duration;

use tower_bearer::{
    clock::Timestamp,
    session::{PresentedToken, Record, RefreshVerdict, Reuse, RotationPolicy, decide},
};

/// One of the policies that are compared: a way to decide, and its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) name: String,
    kind: Kind,
    policy: RotationPolicy,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Each refresh token works once.
    Strict,
    /// The predecessor works for a while after the rotation.
    Window,
    /// The predecessor works as long as the session is not refreshed again.
    Predecessor,
    /// This crate's own decision.
    Ours,
}

impl Rules {
    fn new(name: &str, kind: Kind, policy: RotationPolicy) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            policy,
        }
    }

    fn ours(name: &str, budget: u32, span: u32) -> Self {
        Self::new(name, Kind::Ours, policy(10, budget, span))
    }

    /// The decision with other numbers.
    pub(crate) fn with(window_secs: u64, budget: u32, span: u32) -> Self {
        let name = format!("{window_secs} s, {budget} late in {span}");
        Self::new(&name, Kind::Ours, policy(window_secs, budget, span))
    }

    /// All that are compared; the last is this crate as it comes.
    pub(crate) fn compared() -> Vec<Self> {
        let fixed = |name, kind| Self::new(name, kind, RotationPolicy::default());
        vec![
            fixed("strict rotation, no grace", Kind::Strict),
            fixed("10 s window only", Kind::Window),
            fixed("predecessor always accepted", Kind::Predecessor),
            Self::ours("confirmation, unbounded redelivery", u32::MAX, 32),
            Self::ours("confirmation, 1 late in 5", 1, 5),
            Self::ours("confirmation, 2 late in 10", 2, 10),
            fixed("this crate: 3 late in 20", Kind::Ours),
        ]
    }

    pub(crate) fn policy(&self) -> &RotationPolicy {
        &self.policy
    }

    pub(crate) fn decide(
        &self,
        record: &Record,
        token: PresentedToken,
        now: Timestamp,
    ) -> RefreshVerdict {
        let is_live = token.generation == record.state.generation;
        let is_predecessor = token.generation.checked_add(1) == Some(record.state.generation);
        let in_window = record
            .state
            .delivered_at
            .is_some_and(|at| now.saturating_since(at) <= self.policy.reuse_window);
        match self.kind {
            Kind::Ours => decide(record, token, now, &self.policy),
            _ if is_live => RefreshVerdict::Rotate,
            Kind::Window if is_predecessor && in_window => RefreshVerdict::Neighbour,
            Kind::Predecessor if is_predecessor => RefreshVerdict::Neighbour,
            Kind::Strict | Kind::Window | Kind::Predecessor => RefreshVerdict::Reuse(Reuse::Older),
        }
    }
}

fn policy(window_secs: u64, budget: u32, span: u32) -> RotationPolicy {
    let mut policy = RotationPolicy::default();
    policy.reuse_window = Duration::from_secs(window_secs);
    policy.late_budget = budget;
    policy.late_span = span;
    policy
}
