//! What is explored: how many of everything, and what can go wrong.

use crate::time::{FAR, WINDOW};

/// More generations than any bounds explore, with the one beyond that a forger makes up.
pub(crate) const GENERATIONS: usize = 9;

/// Who shows that the client holds its newest refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirms {
    /// Resource servers, once the client uses its access token, at any moment or never.
    OnUse,
    /// Resource servers, as soon as there is an answer that the client may never get: servers
    /// that render for a browser.
    BeforeDelivery,
    /// Only the refresh token itself: `ConfirmBy::Successor`.
    Successor,
}

/// When the session is bound to the client's key. The client has any number of copies then, which
/// share nothing but the key: any of them may hold any token that was ever given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binds {
    /// The login binds it.
    AtLogin,
    /// The application binds it at some moment.
    Later,
}

/// What the checker explores: everything within these numbers.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// What these bounds are about.
    pub name: &'static str,
    /// The last generation that is explored.
    pub generations: u8,
    /// How many requests of the client are under way at once: tabs, retries, duplicates.
    pub calls: usize,
    /// For how many ticks a request lives, and an answer; [`FAR`] is for ever.
    pub lives: (u8, u8),
    /// The policy's budget of late redeliveries and its span.
    pub budget: (u32, u32),
    /// The reuse window in ticks: [`WINDOW`], but for bound sessions.
    pub window: i8,
    /// For how many ticks the token of a bound session is not rotated.
    pub rotate_bound_after: u8,
    /// Whether the policy is strict rotation.
    pub strict: bool,
    /// The idle lifetime and the session's, in ticks.
    pub lifetimes: (u8, u8),
    /// The session is bound to a key.
    pub binds: Option<Binds>,
    /// Answers arrive as cookies: the last writer wins. Otherwise the newest generation does.
    pub cookies: bool,
    /// Who confirms.
    pub confirms: Confirms,
    /// Somebody copies the client's token once and uses what it gets.
    pub thief: bool,
    /// Somebody has the refresh key, but no session's secret.
    pub forger: bool,
    /// The user logs out, here or everywhere.
    pub logout: bool,
    /// The store fails over to an earlier state once.
    pub failover: bool,
    /// The store's clock jumps back once, by this many ticks.
    pub clock_back: i8,
    /// A swap may come a tick after its load.
    pub slow_swap: bool,
    /// A failover may lose a late redelivery, and with it the window that it opened: the live
    /// token rotates at once, and the other tab's request is two behind. The protocol fails
    /// this, so the claims leave it out.
    pub loses_deliveries: bool,
}

impl Bounds {
    const HONEST: Self = Self {
        name: "two tabs",
        generations: 4,
        calls: 2,
        lives: (1, 1),
        budget: (1, 3),
        window: WINDOW,
        rotate_bound_after: 0,
        strict: false,
        lifetimes: (FAR, FAR),
        binds: None,
        cookies: false,
        confirms: Confirms::OnUse,
        thief: false,
        forger: false,
        logout: false,
        failover: false,
        clock_back: 0,
        slow_swap: false,
        loses_deliveries: false,
    };

    /// A client of many copies, whose requests and answers take as long as they like. Whoever has
    /// stolen their tokens, but not the key, is always there.
    const BOUND: Self = Self {
        name: "bound",
        binds: Some(Binds::AtLogin),
        calls: 3,
        lives: (FAR, FAR),
        slow_swap: true,
        forger: true,
        logout: true,
        ..Self::HONEST
    };

    /// Whether the claims about honest clients hold here: nobody steals, the network keeps to the
    /// window, and rotation is not strict. There are other claims about bound sessions.
    pub fn is_honest(&self) -> bool {
        !self.thief && self.lives.0 < FAR && !self.strict
    }

    /// For how many ticks after its delivery the live token of a bound session is not rotated.
    pub(crate) fn kept(&self) -> i8 {
        (2 * self.window).max(self.rotate_bound_after as i8)
    }
}

/// The bounds of the test command.
pub fn quick() -> Vec<Bounds> {
    let mut all = unbound();
    all.extend(bound());
    all
}

fn unbound() -> Vec<Bounds> {
    let honest = Bounds::HONEST;
    vec![
        honest.clone(),
        Bounds {
            name: "slow requests",
            lives: (2, 0),
            ..honest.clone()
        },
        Bounds {
            name: "slow answers, cookies",
            lives: (0, 2),
            cookies: true,
            ..honest.clone()
        },
        Bounds {
            name: "rendering server",
            confirms: Confirms::Successor,
            generations: 3,
            ..honest.clone()
        },
        Bounds {
            name: "clock back",
            clock_back: 1,
            generations: 2,
            ..honest.clone()
        },
        Bounds {
            name: "failover",
            failover: true,
            logout: true,
            generations: 3,
            ..honest.clone()
        },
        Bounds {
            name: "failover, three calls",
            failover: true,
            calls: 3,
            generations: 2,
            ..honest.clone()
        },
        Bounds {
            name: "lifetimes",
            lifetimes: (6, 9),
            generations: 2,
            logout: true,
            forger: true,
            ..honest.clone()
        },
        Bounds {
            name: "lifetimes, failover",
            lifetimes: (6, 9),
            generations: 2,
            failover: true,
            ..honest.clone()
        },
        Bounds {
            name: "lifetimes, thief",
            lifetimes: (6, 12),
            slow_swap: true,
            generations: 2,
            thief: true,
            lives: (FAR, FAR),
            calls: 1,
            ..honest.clone()
        },
        Bounds {
            name: "thief",
            thief: true,
            lives: (FAR, FAR),
            calls: 1,
            slow_swap: true,
            generations: 4,
            ..honest.clone()
        },
        Bounds {
            name: "thief, clock far back",
            thief: true,
            lives: (FAR, FAR),
            calls: 1,
            generations: 3,
            clock_back: 3,
            ..honest.clone()
        },
        Bounds {
            name: "thief, failover",
            thief: true,
            lives: (FAR, FAR),
            calls: 1,
            generations: 3,
            failover: true,
            ..honest.clone()
        },
        Bounds {
            name: "strict, thief",
            strict: true,
            thief: true,
            lives: (FAR, FAR),
            calls: 1,
            slow_swap: true,
            generations: 4,
            ..honest.clone()
        },
        Bounds {
            name: "strict, lifetimes",
            strict: true,
            lifetimes: (6, 9),
            generations: 2,
            logout: true,
            forger: true,
            ..honest.clone()
        },
        Bounds {
            name: "thief, forger, logout",
            thief: true,
            forger: true,
            logout: true,
            lives: (FAR, FAR),
            calls: 1,
            generations: 2,
            ..honest
        },
    ]
}

fn bound() -> Vec<Bounds> {
    let bound = Bounds::BOUND;
    vec![
        Bounds {
            generations: 6,
            ..bound.clone()
        },
        Bounds {
            name: "bound, seldom rotated",
            rotate_bound_after: 4,
            window: 1,
            ..bound.clone()
        },
        Bounds {
            name: "bound, strict",
            strict: true,
            ..bound.clone()
        },
        Bounds {
            name: "bound, clock far back",
            clock_back: 3,
            ..bound.clone()
        },
        Bounds {
            name: "bound, failover",
            failover: true,
            ..bound.clone()
        },
        Bounds {
            name: "bound, lifetimes",
            lifetimes: (6, 12),
            generations: 3,
            ..bound.clone()
        },
        Bounds {
            name: "bound, lifetimes, failover",
            lifetimes: (6, 12),
            failover: true,
            generations: 3,
            ..bound.clone()
        },
        Bounds {
            name: "bound later",
            binds: Some(Binds::Later),
            generations: 3,
            ..bound.clone()
        },
        Bounds {
            name: "bound later, failover",
            binds: Some(Binds::Later),
            failover: true,
            calls: 2,
            generations: 2,
            forger: false,
            logout: false,
            ..bound
        },
    ]
}

/// Larger bounds, for a quiet hour.
pub fn deep() -> Vec<Bounds> {
    quick()
        .into_iter()
        .map(|bounds| Bounds {
            generations: bounds.generations + 1,
            calls: bounds.calls + usize::from(!bounds.thief),
            budget: if bounds.thief { (2, 4) } else { bounds.budget },
            ..bounds
        })
        .collect()
}
