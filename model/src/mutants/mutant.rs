//! What a mutant is, and how one is written: another verdict, another write, another effect.

use tower_bearer::session::{RefreshVerdict, SessionState};

use crate::{
    bounds::{Bounds, quick},
    rules::{Apply, Decide, Fault, Question, Rules},
};

/// A protocol with one fault.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The row or the rule that is wrong, and how.
    pub name: &'static str,
    /// The bounds that show it.
    pub bounds: &'static str,
    /// The property that fails.
    pub fails: &'static str,
    pub(super) rules: Rules,
    pub(super) change: fn(&mut Bounds),
}

impl Mutant {
    /// What to explore, with the fault.
    pub fn world(&self) -> Option<(Bounds, Rules)> {
        let mut bounds = quick().into_iter().find(|it| it.name == self.bounds)?;
        (self.change)(&mut bounds);
        Some((bounds, self.rules))
    }
}

// The names of the bounds that show the faults.
pub(super) const TABS: &str = "two tabs";
pub(super) const REQUESTS: &str = "slow requests";
pub(super) const COOKIES: &str = "slow answers, cookies";
pub(super) const FAILOVER: &str = "failover";
pub(super) const THREE_CALLS: &str = "failover, three calls";
pub(super) const LIFETIMES: &str = "lifetimes";
pub(super) const LIFETIMES_FAILOVER: &str = "lifetimes, failover";
pub(super) const LIFETIMES_THIEF: &str = "lifetimes, thief";
pub(super) const RENDERING: &str = "rendering server";
pub(super) const THIEF: &str = "thief";
pub(super) const CLOCK: &str = "clock back";
pub(super) const FAR_CLOCK: &str = "thief, clock far back";
pub(super) const THIEF_FAILOVER: &str = "thief, failover";
pub(super) const STRICT: &str = "strict, thief";
pub(super) const STRICT_LIFETIMES: &str = "strict, lifetimes";
pub(super) const LOGS_OUT: &str = "thief, forger, logout";
pub(super) const BOUND: &str = "bound";
pub(super) const SELDOM: &str = "bound, seldom rotated";
pub(super) const BOUND_STRICT: &str = "bound, strict";
pub(super) const BOUND_CLOCK: &str = "bound, clock far back";
pub(super) const BOUND_FAILOVER: &str = "bound, failover";
pub(super) const BOUND_LIFETIMES: &str = "bound, lifetimes";
pub(super) const BOUND_LATER: &str = "bound later";
pub(super) const LATER_FAILOVER: &str = "bound later, failover";

const fn plain(
    name: &'static str,
    bounds: &'static str,
    fails: &'static str,
    rules: Rules,
) -> Mutant {
    Mutant {
        name,
        bounds,
        fails,
        rules,
        change: |_| {},
    }
}

pub(super) const fn decides(
    name: &'static str,
    bounds: &'static str,
    fails: &'static str,
    decide: Decide,
) -> Mutant {
    plain(
        name,
        bounds,
        fails,
        Rules {
            decide,
            ..Rules::REAL
        },
    )
}

pub(super) const fn writes(
    name: &'static str,
    bounds: &'static str,
    fails: &'static str,
    apply: Apply,
) -> Mutant {
    plain(
        name,
        bounds,
        fails,
        Rules {
            apply,
            ..Rules::REAL
        },
    )
}

pub(super) const fn acts(
    name: &'static str,
    bounds: &'static str,
    fails: &'static str,
    fault: Fault,
) -> Mutant {
    plain(
        name,
        bounds,
        fails,
        Rules {
            fault,
            ..Rules::REAL
        },
    )
}

/// The verdict on a question that is not quite the real one.
pub(super) fn on(asked: &Question, change: impl FnOnce(&mut Question)) -> RefreshVerdict {
    let mut changed = asked.clone();
    change(&mut changed);
    changed.decide()
}

/// What the real rules write, and then a change where the verdict is the one that is meant.
pub(super) fn also(
    asked: &Question,
    verdict: RefreshVerdict,
    meant: RefreshVerdict,
    change: impl FnOnce(&mut SessionState, &Question),
) -> Option<SessionState> {
    let next = asked.apply(verdict);
    if verdict != meant {
        return next;
    }
    let mut next = next.unwrap_or_else(|| asked.record.state.clone());
    change(&mut next, asked);
    Some(next)
}

/// Another verdict in the place of one.
macro_rules! instead {
    ($from:pat => $to:expr) => {
        |asked| match asked.decide() {
            $from => $to,
            verdict => verdict,
        }
    };
}

/// The verdict after a change to what is asked.
macro_rules! with {
    (|$asked:ident| $change:expr) => {
        |asked| {
            $crate::mutants::mutant::on(asked, |$asked| {
                $change;
            })
        }
    };
}

/// A change to what is written for a verdict.
macro_rules! then {
    ($meant:ident, |$next:ident, $asked:pat_param| $change:expr) => {
        |asked, verdict| {
            let meant = tower_bearer::session::RefreshVerdict::$meant;
            $crate::mutants::mutant::also(asked, verdict, meant, |$next, $asked| {
                $change;
            })
        }
    };
}

pub(super) use {instead, then, with};
