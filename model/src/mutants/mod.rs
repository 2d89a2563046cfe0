//! Protocols with one fault each, and the claim that each breaks.

use tower_bearer::{
    clock::Timestamp,
    session::{
        PresentedToken, Record, RefreshVerdict, Refusal, Reuse, RotationPolicy, SessionState,
        decide,
    },
};

use crate::{
    bounds::{Bounds, Confirms, quick},
    rules::{Apply, Decide, Effect, Rules},
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
    rules: Rules,
    change: fn(&mut Bounds),
}

impl Mutant {
    /// What to explore, with the fault.
    pub fn world(&self) -> Option<(Bounds, Rules)> {
        let mut bounds = quick().into_iter().find(|it| it.name == self.bounds)?;
        (self.change)(&mut bounds);
        Some((bounds, self.rules))
    }
}

const FORK: &str = "forkless";
const LOGOUT: &str = "no false logout";
const GOES_ON: &str = "honest clients go on";
const THEFT: &str = "theft is seen";
const FINAL: &str = "revoked is final";
const GROWS: &str = "lifetimes never grow";
const EXPIRED: &str = "what has expired does nothing";
const FORGED: &str = "what is forged does nothing";
const COST: &str = "constant cost";

const TABS: &str = "two tabs";
const REQUESTS: &str = "slow requests";
const COOKIES: &str = "slow answers, cookies";
const FAILOVER: &str = "failover";
const THREE_CALLS: &str = "failover, three calls";
const LIFETIMES: &str = "lifetimes";
const THIEF: &str = "thief";
const CLOCK: &str = "clock back";
const FAR_CLOCK: &str = "thief, clock far back";
const THIEF_FAILOVER: &str = "thief, failover";
const LOGS_OUT: &str = "thief, forger, logout";

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

const fn decides(
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

const fn writes(
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

const fn acts(
    name: &'static str,
    bounds: &'static str,
    fails: &'static str,
    effect: Effect,
) -> Mutant {
    plain(
        name,
        bounds,
        fails,
        Rules {
            effect,
            ..Rules::REAL
        },
    )
}

/// The verdict on a row or a token that is not quite the real one.
fn on(
    record: &Record,
    token: PresentedToken,
    now: Timestamp,
    policy: &RotationPolicy,
    change: impl FnOnce(&mut Record, &mut PresentedToken, &mut RotationPolicy),
) -> RefreshVerdict {
    let (mut record, mut token, mut policy) = (record.clone(), token, policy.clone());
    change(&mut record, &mut token, &mut policy);
    decide(&record, token, now, &policy)
}

/// What the real rules write, and then a change where the verdict is the one that is meant.
fn also(
    verdict: RefreshVerdict,
    record: &Record,
    token: PresentedToken,
    now: Timestamp,
    policy: &RotationPolicy,
    meant: RefreshVerdict,
    change: impl FnOnce(&mut SessionState),
) -> Option<SessionState> {
    let next = verdict.apply(record, token, now, policy);
    if verdict != meant {
        return next;
    }
    let mut next = next.unwrap_or_else(|| record.state.clone());
    change(&mut next);
    Some(next)
}

/// Another verdict in the place of one.
macro_rules! instead {
    ($from:pat => $to:expr) => {
        |record, token, now, policy| match decide(record, token, now, policy) {
            $from => $to,
            verdict => verdict,
        }
    };
}

macro_rules! with {
    (|$record:ident, $token:ident, $now:ident, $policy:ident| $change:expr) => {
        |record, token, now, policy| {
            on(record, token, now, policy, |$record, $token, $policy| {
                let $now = now;
                $change;
            })
        }
    };
}

macro_rules! then {
    ($meant:ident, |$next:ident, $before:ident, $now:ident, $token:ident| $change:expr) => {
        |verdict, record, token, now, policy| {
            also(
                verdict,
                record,
                token,
                now,
                policy,
                RefreshVerdict::$meant,
                |$next| {
                    let ($before, $now, $token) = (record, now, token);
                    let _ = (&$before, &$now, &$token);
                    $change;
                },
            )
        }
    };
}

fn is_live_token(record: &Record, token: &PresentedToken) -> bool {
    token.generation == record.state.generation
}

// Behind the macros that they are written with.
mod effects;
mod live;
mod passed;
mod refused;

/// All of them, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [refused::ALL, live::ALL, passed::ALL, effects::ALL]
        .into_iter()
        .flatten()
}
