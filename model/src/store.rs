//! The store, by the contract of [`SessionStore`](tower_bearer::store::SessionStore): each
//! operation is one step that nothing comes between.

use crate::{
    row::{Key, Row},
    rules::Fault,
    state::{Call, Loaded, Replica, State},
};

/// More than there are between a load and its swap.
const MOST_WRITES: i8 = 6;

/// Replaces the row that was loaded, if it is still that and not ended. Never creates one.
pub(crate) fn swap(state: &mut State, loaded: &Loaded, fault: Fault) -> bool {
    let fits = match &state.row {
        None => fault == Fault::SwapCreates,
        Some(row) if row.ended.is_some() => fault == Fault::SwapIgnoresRevoked,
        Some(_) => loaded.version == Some(0) || fault == Fault::SwapIgnoresVersion,
    };
    if fits {
        state.row = Some(loaded.next);
        change_version(state, fault == Fault::VersionsCount);
    }
    fits
}

/// `confirm` for the live generation.
pub(crate) fn confirm(state: &mut State) {
    if let Some(row) = &mut state.row {
        row.confirmed = Some(0);
        change_version(state, true);
    }
}

/// What `Sessions::bind` comes to: it loads, and swaps if no other write came between. So it is one
/// step.
pub(crate) fn bind(state: &mut State, key: Key, fault: Fault) {
    let may_bind =
        |row: &&mut Row| row.is_live() && (row.bound.is_none() || fault == Fault::BindsAgain);
    if let Some(row) = state.row.as_mut().filter(may_bind) {
        row.bound = Some(key);
        change_version(state, fault == Fault::VersionsCount);
    }
}

/// `end`, and `end_all`: for one session it is the same.
pub(crate) fn end(state: &mut State) {
    if let Some(row) = &mut state.row {
        row.ended = Some(false);
        change_version(state, true);
    }
}

/// A replica takes over the row.
pub(crate) fn replicate(state: &mut State) {
    state.replica = state.row.map(|row| Replica {
        row,
        behind: 0,
        counted: false,
    });
}

/// The replica becomes the store. Servers keep what they have loaded from either.
pub(crate) fn fail_over(state: &mut State, fault: Fault) {
    let Some(replica) = state.replica.take() else {
        return;
    };
    state.row = Some(replica.row);
    let count = fault == Fault::VersionsCount;
    for loaded in state.calls.iter_mut().filter_map(Call::loaded) {
        let ahead = loaded.version.map(|version| version + replica.behind);
        loaded.version = ahead.filter(|ahead| match ahead {
            0 => true,
            1 => count || replica.counted,
            _ => count && *ahead > 0,
        });
    }
}

/// A write adds 1 to the version, where that `is_counted`, or gives it a number that never was.
fn change_version(state: &mut State, is_counted: bool) {
    let may_fall_back = state.replica.is_some();
    for loaded in state.calls.iter_mut().filter_map(Call::loaded) {
        loaded.version = match loaded.version {
            Some(ahead @ 1..) if is_counted => Some(ahead - 1),
            Some(behind @ ..=0) if may_fall_back => Some((behind - 1).max(-MOST_WRITES)),
            _ => None,
        };
    }
    if let Some(replica) = &mut state.replica {
        replica.counted |= is_counted && replica.behind == 0;
        replica.behind = (replica.behind + 1).min(MOST_WRITES);
    }
}
