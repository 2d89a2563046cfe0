//! The protocol's table once more, from its words and without a line of the crate: what a
//! client may count on, and what a thief must not get.

use std::{collections::BTreeSet, time::Duration};

use tower_bearer::{clock::Timestamp, session::Record};

use super::history::{IDLE, Setting};

/// What someone knows of a session who sees its answers and writes nothing down but times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watched {
    generation: u32,
    /// When the live token was last handed to someone who could not have had it before.
    delivered: Option<Timestamp>,
    /// When the client was first known to hold it.
    pub(super) confirmed: Option<Timestamp>,
    /// Those of the last 32 generations that needed a late redelivery.
    late: BTreeSet<u32>,
    expires: Timestamp,
    ends: Timestamp,
    revoked: bool,
}

/// What has to come of a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A token of the next generation.
    Successor,
    /// A token of this generation, which is the live one.
    Live(u32),
    /// Nothing, and the session is left alone.
    Nothing,
    /// Nothing, and the session ends.
    Theft,
}

impl Watched {
    pub(super) fn new(now: Timestamp, longest: Duration) -> Self {
        Self {
            generation: 0,
            delivered: None,
            confirmed: None,
            late: BTreeSet::new(),
            expires: now + IDLE,
            ends: now + longest,
            revoked: false,
        }
    }

    /// What a row says of it.
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
            revoked: row.state.revoked.is_some(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.revoked
    }

    pub(super) fn revoke(&mut self) {
        self.revoked = true;
    }

    /// Presents a genuine token of a generation that says `exp`.
    pub(super) fn present(
        &mut self,
        generation: u32,
        exp: Timestamp,
        now: Timestamp,
        setting: &Setting,
    ) -> Fate {
        let behind = i64::from(self.generation) - i64::from(generation);
        if self.revoked || now >= self.ends {
            return Fate::Nothing;
        }
        match behind {
            ..0 if now >= exp => Fate::Nothing,
            ..0 => {
                self.generation = generation;
                self.deliver(now, Some(now), exp);
                Fate::Live(generation)
            }
            _ if now >= self.expires => Fate::Nothing,
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

    /// Whether who holds the predecessor may not have had the live token yet.
    fn is_owed(&self, now: Timestamp, setting: &Setting) -> bool {
        self.confirmed.is_none() || is_fresh(self.confirmed, now, setting.window, setting)
    }

    /// Whether as many generations before the live one needed a late answer as may.
    fn has_spent(&self, setting: &Setting) -> bool {
        let oldest = (self.generation + 1).saturating_sub(setting.late_span);
        let spent = self.late.range(oldest..self.generation).count();
        spent >= setting.late_budget as usize
    }

    fn theft(&mut self, setting: &Setting) -> Fate {
        self.revoked = setting.revoke_on_reuse;
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

/// A clock that is behind by no more than the window stands still.
fn is_fresh(since: Option<Timestamp>, now: Timestamp, limit: Duration, setting: &Setting) -> bool {
    since.is_some_and(|at| now + setting.window >= at && now <= at + limit)
}
