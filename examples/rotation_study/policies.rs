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
    is_bound: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Each refresh token works once.
    Strict,
    /// The predecessor works for a while after the rotation.
    Window,
    /// Each token works for a while after its rotation.
    Grace,
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
            is_bound: false,
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
            Self::new("1 h window only", Kind::Window, policy(3600, 0, 1)),
            Self::new("each token for 1 h more", Kind::Grace, policy(3600, 0, 1)),
            fixed("predecessor always accepted", Kind::Predecessor),
            Self::ours("confirmation, unbounded redelivery", u32::MAX, 32),
            Self::ours("confirmation, 1 late in 5", 1, 5),
            Self::ours("confirmation, 2 late in 10", 2, 10),
            Self::new("this crate, 5 min window", Kind::Ours, policy(300, 3, 20)),
            Self {
                is_bound: true,
                ..fixed("this crate, bound to a key", Kind::Ours)
            },
            fixed("this crate: 3 late in 20", Kind::Ours),
        ]
    }

    /// Whether the client has a key that the session is bound to.
    pub(crate) fn is_bound(&self) -> bool {
        self.is_bound
    }

    pub(crate) fn policy(&self) -> &RotationPolicy {
        &self.policy
    }

    /// `passed_at` is when the token was rotated, if it was.
    pub(crate) fn decide(
        &self,
        record: &Record,
        token: PresentedToken,
        passed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> RefreshVerdict {
        let is_live = token.generation == record.state.generation;
        let is_predecessor = token.generation.checked_add(1) == Some(record.state.generation);
        let is_recent = |at| now.saturating_since(at) <= self.policy.reuse_window;
        let in_window = record.state.delivered_at.is_some_and(is_recent);
        match self.kind {
            Kind::Ours => decide(record, token, now, &self.policy),
            _ if is_live => RefreshVerdict::Rotate,
            Kind::Window if is_predecessor && in_window => RefreshVerdict::Neighbour,
            Kind::Grace if passed_at.is_some_and(is_recent) => RefreshVerdict::Neighbour,
            Kind::Predecessor if is_predecessor => RefreshVerdict::Neighbour,
            Kind::Strict | Kind::Window | Kind::Grace | Kind::Predecessor => {
                RefreshVerdict::Reuse(Reuse::Older)
            }
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
