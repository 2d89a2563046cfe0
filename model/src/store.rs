//! The store, by the contract of [`SessionStore`](tower_bearer::store::SessionStore): each
//! operation is one step that nothing comes between.

use crate::{
    row::Row,
    rules::Effect,
    state::{Call, Loaded, State},
};

/// More than there are between a load and its swap.
const MOST_WRITES: i8 = 6;

/// An earlier row, which the store may fall back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replica {
    /// The row.
    pub row: Row,
    /// How many writes it is behind.
    pub behind: i8,
    /// Whether the first of them added 1 to the version, as a confirmation does. A swap gives
    /// the time, or more.
    pub counted: bool,
}

impl State {
    /// `swap`: replaces the row that was loaded, if it is still that and not revoked. Never
    /// creates one.
    pub(crate) fn swap(&mut self, loaded: &Loaded, effect: Effect) -> bool {
        let fits = match &self.row {
            None => effect == Effect::SwapCreates,
            Some(row) if row.revoked.is_some() => effect == Effect::SwapIgnoresRevoked,
            Some(_) => loaded.version == Some(0) || effect == Effect::SwapIgnoresVersion,
        };
        if fits {
            self.row = Some(loaded.next);
            self.bump(effect == Effect::VersionsCount);
        }
        fits
    }

    /// `confirm` for the live generation.
    pub(crate) fn confirm(&mut self) {
        if let Some(row) = &mut self.row {
            row.confirmed = Some(0);
            self.bump(true);
        }
    }

    /// `end`, and `end_all`: for one session it is the same.
    pub(crate) fn end(&mut self) {
        if let Some(row) = &mut self.row {
            row.revoked = Some(false);
            self.bump(true);
        }
    }

    /// A replica takes over the row.
    pub(crate) fn replicate(&mut self) {
        self.replica = self.row.map(|row| Replica {
            row,
            behind: 0,
            counted: false,
        });
    }

    /// The replica becomes the store. Servers keep what they have loaded from either.
    pub(crate) fn fail_over(&mut self, effect: Effect) {
        let Some(replica) = self.replica.take() else {
            return;
        };
        self.row = Some(replica.row);
        let count = effect == Effect::VersionsCount;
        for loaded in self.calls.iter_mut().filter_map(Call::loaded) {
            let ahead = loaded.version.map(|version| version + replica.behind);
            loaded.version = ahead.filter(|ahead| match ahead {
                0 => true,
                1 => count || replica.counted,
                _ => count && *ahead > 0,
            });
        }
    }

    /// A write, which adds 1 to the version or gives it a number that never was.
    fn bump(&mut self, is_counted: bool) {
        let may_fall_back = self.replica.is_some();
        for loaded in self.calls.iter_mut().filter_map(Call::loaded) {
            loaded.version = match loaded.version {
                Some(ahead @ 1..) if is_counted => Some(ahead - 1),
                Some(behind @ ..=0) if may_fall_back => Some((behind - 1).max(-MOST_WRITES)),
                _ => None,
            };
        }
        if let Some(replica) = &mut self.replica {
            replica.counted |= is_counted && replica.behind == 0;
            replica.behind = (replica.behind + 1).min(MOST_WRITES);
        }
    }
}
