//! The table of the protocol, written again from its description and without code of the crate. It
//! says what a client can rely on, and what a thief must not get.

use std::{collections::BTreeSet, time::Duration};

use tower_bearer::{
    clock::Timestamp,
    session::{Possession, PresentedToken, Record},
};

use super::history::{IDLE, Setting};

/// What an observer knows of a session from its answers and their times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watched {
    generation: u32,
    /// When the live token was last given to someone who may not have had it before.
    delivered: Option<Timestamp>,
    /// When it was first known that the client has the live token.
    pub(super) confirmed: Option<Timestamp>,
    /// Which of the last 32 generations needed a late redelivery.
    late: BTreeSet<u32>,
    expires: Timestamp,
    ends: Timestamp,
    ended: bool,
    bound: bool,
}

/// What must happen to a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The client gets a token of the next generation.
    Successor,
    /// The client gets the live token, which has this generation.
    Live(u32),
    /// The token is refused, and the session does not change.
    Nothing,
    /// The token is refused, and the session ends.
    Theft,
}

impl Watched {
    pub(super) fn new(now: Timestamp, longest: Duration, bound: bool) -> Self {
        Self {
            generation: 0,
            delivered: None,
            confirmed: None,
            late: BTreeSet::new(),
            expires: now + IDLE,
            ends: now + longest,
            ended: false,
            bound,
        }
    }

    /// What a row says of the session.
    pub(super) fn of(row: &Record) -> Self {
        let is_late = |behind: &u32| row.state.late >> behind & 1 == 1;
        let late = (0..32).filter(is_late);
        Self {
            generation: row.state.generation,
            delivered: row.state.delivered_at,
            confirmed: row.state.confirmed_at,
            late: late.map(|behind| row.state.generation - behind).collect(),
            expires: row.state.expires_at,
            ends: row.session.ends_at,
            ended: row.state.ended.is_some(),
            bound: row.state.bound_to.is_some(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    pub(super) fn bind(&mut self) {
        self.bound = true;
    }

    pub(super) fn delete(&mut self) {
        self.ended = true;
    }

    /// The session is ended, and is deleted when its newest token has expired and a day is over.
    pub(super) fn end(&mut self, at: Timestamp) {
        self.ended = true;
        let day = Duration::from_secs(24 * 60 * 60);
        self.ends = self.ends.min(self.expires.max(at + day));
    }

    /// Presents a genuine token.
    pub(super) fn present(
        &mut self,
        token: PresentedToken,
        now: Timestamp,
        setting: &Setting,
    ) -> Fate {
        let PresentedToken {
            generation,
            exp,
            possession,
            ..
        } = token;
        let behind = i64::from(self.generation) - i64::from(generation);
        if self.ended || now >= self.ends {
            return Fate::Nothing;
        }
        // Where the store has lost the binding, the token still names it.
        let is_bound = self.bound || possession != Possession::Unbound;
        let has_no_key = is_bound && possession != Possession::Proven;
        let is_in_time = now < if behind < 0 { exp } else { self.expires };
        self.bound |= is_bound && !has_no_key && is_in_time;
        match behind {
            ..0 if now >= exp || has_no_key => Fate::Nothing,
            ..0 => {
                self.generation = generation;
                self.deliver(now, Some(now), exp);
                Fate::Live(generation)
            }
            _ if now >= self.expires => Fate::Nothing,
            _ if has_no_key => Fate::Nothing,
            1.. if is_bound => Fate::Live(self.generation),
            0 if self.generation > 0
                && is_fresh(self.delivered, now, 2 * setting.window, setting) =>
            {
                self.confirmed.get_or_insert(now);
                Fate::Live(generation)
            }
            0 => {
                self.generation += 1;
                self.deliver(now, None, now + IDLE);
                Fate::Successor
            }
            1 if is_fresh(self.delivered, now, setting.window, setting) => {
                Fate::Live(self.generation)
            }
            1 if self.is_owed(now, setting) && self.has_spent(setting) => self.theft(setting),
            1 if self.is_owed(now, setting) => {
                self.late.insert(self.generation);
                self.delivered = Some(now);
                Fate::Live(self.generation)
            }
            _ if now >= exp => Fate::Nothing,
            _ => self.theft(setting),
        }
    }

    /// Whether a client with the predecessor may not have got the live token yet.
    fn is_owed(&self, now: Timestamp, setting: &Setting) -> bool {
        self.confirmed.is_none() || is_fresh(self.confirmed, now, setting.window, setting)
    }

    /// Whether the budget of generations before the live one that may need a late answer is spent.
    fn has_spent(&self, setting: &Setting) -> bool {
        let oldest = (self.generation + 1).saturating_sub(setting.late_span);
        let spent = self.late.range(oldest..self.generation).count();
        spent >= setting.late_budget as usize
    }

    fn theft(&mut self, setting: &Setting) -> Fate {
        self.ended = setting.end_on_reuse;
        Fate::Theft
    }

    /// Hands out a generation for the first time.
    fn deliver(&mut self, now: Timestamp, confirmed: Option<Timestamp>, expires: Timestamp) {
        self.delivered = Some(now);
        self.confirmed = confirmed;
        self.expires = expires.min(self.ends);
        let oldest = self.generation.saturating_sub(31);
        self.late = self.late.split_off(&oldest);
    }
}

/// Whether `since` is at most `limit` ago. A clock that is behind by up to the window counts as one
/// that stands still.
fn is_fresh(since: Option<Timestamp>, now: Timestamp, limit: Duration, setting: &Setting) -> bool {
    since.is_some_and(|at| now + setting.window >= at && now <= at + limit)
}
