//! Cases of compare-and-swap, with one caller at a time.

use tower_bearer::store::{SealedRing, Swap};

use super::{
    Fixture,
    trial::{NAME, Trial, ring},
};

pub(super) async fn there_is_no_ring_before_the_first_swap<F: Fixture>(trial: Trial<F>) {
    let next = ring(8, "next");
    trial.assert_kept(NAME, None).await;
    for expected in [0, 1, 7, SealedRing::HIGHEST_VERSION, u64::MAX] {
        let swap = trial.swap(NAME, Some(expected), &next).await;
        assert_eq!(swap, Swap::Lost, "of version {expected}, where no ring is");
    }
    trial.assert_kept(NAME, None).await;
    trial.begin(NAME, &next).await;
    trial.assert_kept(NAME, Some(&next)).await;
}

pub(super) async fn a_swap_of_another_version_is_lost<F: Fixture>(trial: Trial<F>) {
    let (first, second) = (ring(7, "first"), ring(9, "second"));
    trial.begin(NAME, &first).await;
    assert_eq!(trial.swap(NAME, Some(7), &second).await, Swap::Swapped);
    let far = [SealedRing::HIGHEST_VERSION, 1 << 63, u64::MAX];
    for wrong in [0, 1, 7, 8, 10].into_iter().chain(far) {
        let swap = trial.swap(NAME, Some(wrong), &ring(11, "other")).await;
        assert_eq!(swap, Swap::Lost, "of version {wrong}, where it is 9");
    }
    for again in [ring(9, "second"), ring(10, "other")] {
        let swap = trial.swap(NAME, None, &again).await;
        assert_eq!(swap, Swap::Lost, "of no ring, where one is");
    }
    trial.assert_kept(NAME, Some(&second)).await;
    let third = ring(10, "third");
    let other = trial.by_turns(1);
    assert_eq!(other.swap(NAME, Some(9), &third).await, Swap::Swapped);
    trial.assert_kept(NAME, Some(&third)).await;
}

/// What is compared is the version: a ring may get the bytes that it had before.
pub(super) async fn the_same_bytes_are_another_ring_at_another_version<F: Fixture>(
    trial: Trial<F>,
) {
    trial.begin(NAME, &ring(1, "a")).await;
    for (expected, bytes) in [(1, "b"), (2, "a"), (3, "a")] {
        let next = ring(expected + 1, bytes);
        assert_eq!(trial.swap(NAME, Some(expected), &next).await, Swap::Swapped);
        trial.assert_kept(NAME, Some(&next)).await;
    }
    for stale in [1, 2, 3] {
        let swap = trial.swap(NAME, Some(stale), &ring(5, "a")).await;
        assert_eq!(swap, Swap::Lost, "of version {stale}, where it is 4");
    }
    trial.assert_kept(NAME, Some(&ring(4, "a"))).await;
}
