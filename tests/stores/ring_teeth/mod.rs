//! The suite of key rings has teeth: each promise that a store breaks is seen by its cases, and by no other.

mod careless;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tower_bearer::clock::ManualClock;
use tower_bearer_conformance::ring::{Fixture, failures};

use self::careless::{CarelessRing, Fault};
use crate::support::START;

struct Careless {
    store: Arc<CarelessRing>,
    clock: ManualClock,
}

impl Fixture for Careless {
    type Store = Arc<CarelessRing>;

    fn store(&self) -> &Arc<CarelessRing> {
        &self.store
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

async fn careless(fault: Fault) -> Careless {
    let clock = ManualClock::new(START);
    Careless {
        store: Arc::new(CarelessRing::new(clock.clone(), fault)),
        clock,
    }
}

/// The cases that a store with this fault fails.
async fn failed(fault: Fault) -> BTreeSet<&'static str> {
    let failures = failures(async || careless(fault).await).await;
    failures.iter().map(|failure| failure.case).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_a_fault_fails_nothing() {
    assert_eq!(failed(Fault::None).await, [].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_store_is_told_as_one() {
    let failures = failures(async || careless(Fault::PanicsAsItLoads).await).await;
    for failure in &failures {
        let why = "the store panicked in `load_ring`: no such column";
        assert_eq!(failure.why, why, "{}", failure.case);
        assert!(failure.to_string().contains("the request gets no answer"));
    }
    assert!(!failures.is_empty());
}

/// A test of each fault: all of its cases fail, after a `?` some that are a matter of chance, and
/// no other. And a test that each case of the suite is among them.
macro_rules! teeth {
    ($($name:ident: $fault:ident {$($part:ident::$case:ident,)+}
        $(? {$($other:ident::$chance:ident,)+})?)+) => {
        $(
            // On one thread, whose turns are the same each time. As the store gives way within its calls, what two
            // callers do at once is seen always.
            #[tokio::test]
            async fn $name() {
                let failed = failed(Fault::$fault).await;
                let must = [$(concat!("ring::", stringify!($part), "::", stringify!($case)),)+];
                let may = [$($(concat!("ring::", stringify!($other), "::", stringify!($chance)),)+)?];
                let must: BTreeSet<_> = must.into();
                let may: BTreeSet<_> = may.into_iter().chain(must.iter().copied()).collect();
                assert!(failed.is_superset(&must), "only {failed:#?}");
                assert!(failed.is_subset(&may), "also {failed:#?}");
            }
        )+

        #[tokio::test(flavor = "multi_thread")]
        async fn each_case_sees_a_fault() {
            let seen = [$($(concat!("ring::", stringify!($part), "::", stringify!($case)),)+)+];
            assert_eq!(failed(Fault::Down).await, seen.into());
        }
    };
}

teeth! {
    inserts_over_others: InsertsOverOthers {
        swapping::a_swap_of_another_version_is_lost,
        racing::of_many_first_swaps_one_wins,
        racing::no_change_is_lost,
    } ? {
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
    }

    inserts_by_swap: InsertsBySwap {
        swapping::there_is_no_ring_before_the_first_swap,
    }

    swaps_any_version: SwapsAnyVersion {
        swapping::a_swap_of_another_version_is_lost,
        swapping::the_same_bytes_are_another_ring_at_another_version,
        racing::of_many_swaps_one_wins,
        racing::no_change_is_lost,
    }

    swaps_in_two_steps: SwapsInTwoSteps {
        racing::of_many_first_swaps_one_wins,
        racing::of_many_swaps_one_wins,
    } ? {
        racing::no_change_is_lost,
    }

    takes_the_same_bytes_for_the_same_ring: TakesTheSameBytesForTheSameRing {
        swapping::the_same_bytes_are_another_ring_at_another_version,
    }

    counts_versions_itself: CountsVersionsItself {
        keeping::a_ring_comes_back_as_it_was_given,
        swapping::there_is_no_ring_before_the_first_swap,
        swapping::a_swap_of_another_version_is_lost,
        racing::of_many_first_swaps_one_wins,
        racing::of_many_swaps_one_wins,
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
    }

    cuts_versions: CutsVersions {
        keeping::a_ring_comes_back_as_it_was_given,
    }

    cuts_long_rings: CutsLongRings {
        keeping::the_longest_ring_is_kept_whole,
    }

    refuses_long_rings: RefusesLongRings {
        keeping::the_longest_ring_is_kept_whole,
    }

    cuts_zeros_at_the_end: CutsZerosAtTheEnd {
        keeping::a_ring_comes_back_as_it_was_given,
        keeping::the_longest_ring_is_kept_whole,
        naming::names_are_compared_byte_for_byte,
        naming::the_longest_names_are_kept_apart,
        racing::no_change_is_lost,
    } ? {
        racing::a_load_sees_no_half_of_a_swap,
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
    }

    keeps_text: KeepsText {
        keeping::a_ring_comes_back_as_it_was_given,
        keeping::the_longest_ring_is_kept_whole,
        racing::a_load_sees_no_half_of_a_swap,
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
    }

    loses_the_end_of_a_shorter_ring: LosesTheEndOfAShorterRing {
        keeping::a_ring_comes_back_as_it_was_given,
        keeping::the_longest_ring_is_kept_whole,
        racing::a_load_sees_no_half_of_a_swap,
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
        swapping::a_swap_of_another_version_is_lost,
    } ? {
        racing::of_many_swaps_one_wins,
    }

    folds_case: FoldsCase {
        naming::names_are_compared_byte_for_byte,
    }

    trims_names: TrimsNames {
        naming::names_are_compared_byte_for_byte,
        naming::the_longest_names_are_kept_apart,
    }

    ends_names_at_nul: EndsNamesAtNul {
        naming::names_are_compared_byte_for_byte,
        naming::the_longest_names_are_kept_apart,
    }

    cuts_long_names: CutsLongNames {
        naming::the_longest_names_are_kept_apart,
    }

    refuses_long_names: RefusesLongNames {
        naming::the_longest_names_are_kept_apart,
    }

    takes_stars_for_more: TakesStarsForMore {
        naming::names_are_compared_byte_for_byte,
    }

    writes_to_others: WritesToOthers {
        naming::names_are_compared_byte_for_byte,
        naming::the_longest_names_are_kept_apart,
    }

    lags: Lags {
        racing::a_load_sees_what_was_acknowledged,
        keeping::a_ring_comes_back_as_it_was_given,
        keeping::the_longest_ring_is_kept_whole,
        swapping::the_same_bytes_are_another_ring_at_another_version,
    } ? {
        keeping::a_ring_is_kept_for_ever,
        naming::names_are_compared_byte_for_byte,
        naming::the_longest_names_are_kept_apart,
        swapping::a_swap_of_another_version_is_lost,
        racing::a_load_sees_no_half_of_a_swap,
        racing::of_many_swaps_one_wins,
        racing::of_many_first_swaps_one_wins,
        racing::no_change_is_lost,
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
    }

    writes_in_two_steps: WritesInTwoSteps {
        racing::a_load_sees_no_half_of_a_swap,
        dropping::a_dropped_swap_happens_whole_or_not_at_all,
    } ? {
        racing::no_change_is_lost,
    }

    forgets_after_a_year: ForgetsAfterAYear {
        keeping::a_ring_is_kept_for_ever,
    }

    tells_another_time: TellsAnotherTime {
        clock::every_load_tells_the_time_by_one_clock,
    }

    tells_the_time_of_the_write: TellsTheTimeOfTheWrite {
        clock::every_load_tells_the_time_by_one_clock,
    }
}
