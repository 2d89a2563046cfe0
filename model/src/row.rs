//! What the store holds of the session: the fields that the decision reads, in ticks.

use crate::time::{aged, run_down};

/// The key that a session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The client's, which all of its copies have.
    Clients,
    /// Somebody else's.
    Others,
}

/// A session's row, without what neither the decision nor the token that it gives depends on.
/// The version is in the [calls](crate::Call) that compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// The live generation.
    pub generation: u8,
    /// Ticks since `rotated_at`.
    pub rotated: Option<i8>,
    /// Ticks since `delivered_at`; below zero after the clock has jumped back.
    pub delivered: Option<i8>,
    /// Ticks since `confirmed_at`.
    pub confirmed: Option<i8>,
    /// `late`, cut off at the span.
    pub late: u8,
    /// Ticks until `expires_at`.
    pub expires: u8,
    /// Ticks until `ends_at`.
    pub ends: u8,
    /// Ended, and whether as reuse.
    pub ended: Option<bool>,
    /// `bound_to`.
    pub bound: Option<Key>,
}

impl Row {
    /// The row that a login writes, with its idle lifetime and the session's.
    pub(crate) fn new(lifetimes: (u8, u8), bound: Option<Key>) -> Self {
        Self {
            generation: 0,
            rotated: None,
            delivered: None,
            confirmed: None,
            late: 0,
            expires: lifetimes.0,
            ends: lifetimes.1,
            ended: None,
            bound,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.ended.is_none() && self.expires > 0 && self.ends > 0
    }

    /// Lets time go by; backwards only where nothing expires.
    pub(crate) fn age_by(&mut self, ticks: i8) {
        let ages = [&mut self.rotated, &mut self.delivered, &mut self.confirmed];
        for age in ages.into_iter().flatten() {
            *age = aged(*age, ticks);
        }
        if ticks > 0 {
            run_down(&mut self.expires);
            run_down(&mut self.ends);
        }
    }
}
