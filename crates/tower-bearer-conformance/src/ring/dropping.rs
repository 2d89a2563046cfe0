//! Cases of callers that go away before the answer.

use tower_bearer::store::Swap;

use super::{
    Fixture,
    trial::{NAME, Trial, ring_of},
};
use crate::{dropping::abandon, trial::Patience};

const ROUNDS: u32 = 60;

pub(super) async fn a_dropped_swap_happens_whole_or_not_at_all<F: Fixture>(trial: Trial<F>) {
    let mut kept: Option<u64> = None;
    for patience in 0..ROUNDS {
        let next = ring_of(u64::from(patience) + 1);
        abandon(trial.try_swap(NAME, kept, &next), patience).await;
        kept = whole(&trial, kept).await;
    }
    // An abandoned call may still be under way, and win.
    let (mut tries, mut version) = (Patience::default(), u64::from(ROUNDS));
    loop {
        version += 1;
        let next = ring_of(version);
        if trial.swap(NAME, kept, &next).await == Swap::Swapped {
            break trial.assert_kept(NAME, Some(&next)).await;
        }
        kept = whole(&trial, kept).await;
        tries.wait_for("a swap to win").await;
    }
}

/// The version of the ring, which is whole and not of before what was seen.
async fn whole<F: Fixture>(trial: &Trial<F>, before: Option<u64>) -> Option<u64> {
    let kept = trial.load(NAME).await;
    let version = kept.as_ref().map(|kept| kept.version());
    assert!(version >= before, "version {version:?} after {before:?}");
    if let Some(kept) = kept {
        assert!(kept == ring_of(kept.version()), "half of a ring: {kept:?}");
    }
    version
}
