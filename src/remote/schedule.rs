//! When keys are fetched, and what is told of a key that is missing. There is no I/O here, and no
//! clock: times are measured from any moment, and passed in.
//!
//! 1. There is one fetch at a time. By itself it comes when the keys have used up 80 to 90 % of their
//!    lifetime, but at least [`FLOOR`] after the one before.
//! 2. A token with an unknown key brings it forward, once in a cool-down, however many tokens ask.
//!    So does one whose key has another material or algorithm than the one of its name. One that is due
//!    would have come anyway: unless it fails, to ask for it takes nothing from the next token.
//! 3. After a failure the pause doubles from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`]. While there are keys,
//!    it is at least the cool-down.
//!    A longer pause that the issuer asks for holds for tokens too, up to [`LONGEST_WISH`].
//! 4. Keys that are stale and cannot be fetched are dropped as [`Stale`] says.
//! 5. A token that was issued before the last successful fetch began, or before the answer to it went
//!    into a cache, has a key that the issuer does not have. For any other the answer is not known: wait
//!    for the fetch, or come again later. Without keys nothing is known of any token.

use std::time::Duration;

use super::Stale;
use crate::clock::Timestamp;

pub(super) const FLOOR: Duration = Duration::from_secs(5 * 60);
pub(super) const CEILING: Duration = Duration::from_secs(24 * 60 * 60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An issuer that asks for a longer pause is asked again after this one.
const LONGEST_WISH: Duration = Duration::from_secs(5 * 60);

/// How late the one that fetches may be before another takes its place.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// How often tokens may bring a fetch forward.
    pub(super) cooldown: Duration,
    /// The lifetime of keys where the issuer says nothing.
    pub(super) refresh_every: Duration,
    pub(super) stale: Stale,
    /// How long a fetch may take.
    pub(super) time_limit: Duration,
}

#[derive(Debug)]
pub(super) struct Schedule {
    rules: Rules,
    fetching: bool,
    /// Whether a token has asked for the fetch that has begun last.
    is_awaited: bool,
    /// Since when a token asks for a fetch that has not begun.
    asked: Option<Duration>,
    /// When the last fetch began that a token brought forward.
    last_brought: Option<Duration>,
    begun: Option<Duration>,
    begun_at: Timestamp,
    /// When the next fetch comes by itself. `None` until a token has asked.
    due: Option<Duration>,
    /// Until when the issuer has asked for a pause, which tokens do not shorten either.
    pause_ends: Duration,
    failures: u32,
    held: Option<Held>,
}

/// The keys that are there.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// When the fetch began that brought them, by the clock that tokens are judged by.
    begun_at: Timestamp,
    /// When the issuer itself gave them out: earlier, if they come from a cache.
    as_of: Timestamp,
    ends: Option<Duration>,
}

/// What a token with an unknown key gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The issuer has no such key.
    Unknown,
    /// It cannot be told now.
    Unavailable,
    /// It is told by the fetch that comes next.
    WaitForNext,
    /// It may be told by the fetch that is under way, which has begun before the token came.
    Wait,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Fetch,
    /// The keys are stale, and must not be used any more.
    Drop,
    /// Nothing for this long, unless a token asks.
    Sleep(Duration),
    /// Nothing until a token asks.
    Idle,
}

impl Schedule {
    /// `at_once` says whether the first fetch comes by itself.
    pub(super) fn new(rules: Rules, at_once: bool) -> Self {
        Self {
            rules,
            fetching: false,
            is_awaited: false,
            asked: None,
            last_brought: None,
            begun: None,
            begun_at: Timestamp::default(),
            due: at_once.then_some(Duration::ZERO),
            pause_ends: Duration::ZERO,
            failures: 0,
            held: None,
        }
    }

    /// What a token gets whose key is not there. `issued_at` is what the token says.
    pub(super) fn ask(&mut self, now: Duration, issued_at: Option<Timestamp>) -> Answer {
        if let (Some(held), Some(issued_at)) = (self.held, issued_at)
            && issued_at.as_secs() < held.as_of.as_secs()
        {
            return Answer::Unknown;
        }
        if self.fetching {
            Answer::Wait
        } else if self.asked.is_some() {
            Answer::WaitForNext
        } else if self.may_begin() <= now {
            self.asked = Some(now);
            Answer::WaitForNext
        } else if self.held.is_some() && issued_at.is_none() {
            Answer::Unknown
        } else {
            Answer::Unavailable
        }
    }

    /// Whether a token brings a fetch forward whose key is there under its name and does not fit. Only the
    /// one that does so waits for it: what anybody can make up must cost others nothing.
    pub(super) fn doubt(&mut self, now: Duration, issued_at: Option<Timestamp>) -> bool {
        let fetches = self.asked.is_none() && self.ask(now, issued_at) == Answer::WaitForNext;
        fetches && self.held.is_some()
    }

    /// Whether the issuer itself has answered the last fetch, and no cache.
    pub(super) fn has_heard(&self) -> bool {
        self.failures == 0 && self.held.is_some_and(|held| held.as_of == held.begun_at)
    }

    /// When a token may bring a fetch forward. Those that come by themselves are rare, and no reason to let
    /// a token of a new key wait.
    fn may_begin(&self) -> Duration {
        let cooled = |begun: Duration| begun.saturating_add(self.rules.cooldown);
        self.last_brought
            .map_or(Duration::ZERO, cooled)
            .max(self.pause_ends)
    }

    pub(super) fn next(&self, now: Duration) -> Step {
        let ends = self.ends();
        let fetch = self.asked.or(self.due);
        if ends.is_some_and(|ends| ends <= now) {
            return Step::Drop;
        }
        match [fetch, ends].into_iter().flatten().min() {
            None => Step::Idle,
            Some(_) if fetch.is_some_and(|fetch| fetch <= now) => Step::Fetch,
            Some(next) => Step::Sleep(next.saturating_sub(now)),
        }
    }

    /// A fetch begins. `at` is the time by the clock that tokens are judged by. Gives whether a token
    /// has asked for it.
    pub(super) fn begin(&mut self, now: Duration, at: Timestamp) -> bool {
        self.fetching = true;
        self.is_awaited = self.asked.take().is_some();
        let is_due = self.due.is_some_and(|due| due <= now);
        if self.is_awaited && !is_due {
            self.last_brought = Some(now);
        }
        self.begun = Some(now);
        self.begun_at = at;
        self.is_awaited
    }

    /// The fetch has brought keys. `told` is the lifetime that the issuer gives them, `age` how long they
    /// were in caches, `spread` a random number from 0 to 1, so that not all servers fetch at the same
    /// moment.
    pub(super) fn succeeded(&mut self, told: Option<Duration>, age: Duration, spread: f64) {
        let begun = self.begun.unwrap_or_default();
        let floor = FLOOR.min(self.rules.refresh_every);
        let lifetime = told.unwrap_or(self.rules.refresh_every);
        let lifetime = lifetime.clamp(floor, CEILING);
        let share = 0.8 + 0.1 * spread.clamp(0.0, 1.0);
        let due = begun.saturating_add(lifetime.mul_f64(share).max(floor));
        // So late that the fetch can be over before.
        let stale = due.saturating_add(self.rules.time_limit);
        let stale = stale.max(begun.saturating_add(lifetime));
        self.fetching = false;
        self.failures = 0;
        self.due = Some(due);
        self.held = Some(Held {
            begun_at: self.begun_at,
            as_of: self.begun_at - age,
            ends: self.rules.stale.end(stale),
        });
    }

    /// The fetch has failed. `wish` is the pause that the issuer asks for.
    pub(super) fn failed(&mut self, now: Duration, wish: Option<Duration>, spread: f64) {
        self.fetching = false;
        if self.is_awaited {
            // Those who have waited for it would bring the next one forward at once.
            self.last_brought = self.begun;
        }
        self.failures = self.failures.saturating_add(1);
        let doubled = 2_u32.saturating_pow(self.failures - 1);
        let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        let pause = pause.mul_f64(1.0 - 0.25 * spread.clamp(0.0, 1.0));
        let pause = match self.held {
            Some(_) => pause.max(self.rules.cooldown),
            None => pause,
        };
        let wish = wish.unwrap_or_default().min(LONGEST_WISH);
        self.pause_ends = now.saturating_add(wish);
        self.due = Some(now.saturating_add(pause.max(wish)));
    }

    /// The keys are there no more. The next fetch comes soon.
    pub(super) fn dropped(&mut self, now: Duration) {
        self.held = None;
        let soon = now.saturating_add(LONGEST_PAUSE).max(self.pause_ends);
        self.due = self.due.map(|due| due.min(soon));
    }

    /// What was under way has been stopped, and is begun anew.
    pub(super) fn restarted(&mut self, now: Duration) {
        if std::mem::take(&mut self.fetching) {
            self.asked = Some(now);
        }
    }

    /// From when the keys must not be used.
    pub(super) fn ends(&self) -> Option<Duration> {
        self.held.and_then(|held| held.ends)
    }

    /// From when something should have happened, and nobody can be fetching any more.
    pub(super) fn overdue(&self) -> Option<Duration> {
        let begun = self.begun.filter(|_| self.fetching);
        let latest = match begun {
            Some(begun) => Some(begun.saturating_add(self.rules.time_limit)),
            None => [self.asked, self.due].into_iter().flatten().min(),
        };
        latest.map(|latest| latest.saturating_add(GRACE))
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// When the fetch began, by the clock that tokens are judged by, that brought the keys of now.
    pub(super) fn begun_at(&self) -> Option<Timestamp> {
        self.held.map(|held| held.begun_at)
    }
}

impl Stale {
    fn end(self, stale: Duration) -> Option<Duration> {
        match self {
            Self::Never => Some(stale),
            Self::For(more) => Some(stale.saturating_add(more)),
            Self::Forever => None,
        }
    }
}

#[cfg(test)]
mod tests;
