//! What is explored: how many of everything, and what can go wrong.

use crate::time::FAR;

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
    /// Whether the policy is strict rotation.
    pub strict: bool,
    /// The idle lifetime and the session's, in ticks.
    pub lifetimes: (u8, u8),
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
        strict: false,
        lifetimes: (FAR, FAR),
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

    /// Whether the claims about honest clients hold here: nobody steals, the network keeps to the
    /// window, and rotation is not strict.
    pub fn is_honest(&self) -> bool {
        !self.thief && self.lives.0 < FAR && !self.strict
    }
}

/// The bounds of the test command.
pub fn quick() -> Vec<Bounds> {
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
