//! The table of the cases, grouped by what it costs if a store fails them.

use super::{Fixture, clock, dropping, keeping, naming, racing, swapping, trial::Trial};
use crate::cases::Case;

/// Calls the macro `$then` with `$given`, followed by the table.
#[doc(hidden)]
#[macro_export]
macro_rules! __ring_conformance_cases {
    ($($then:ident)::+ ! ($($given:tt)*)) => {
        $($then)::+ ! { ($($given)*)
            "an issuer loses its keys: tokens that are in use are refused, and every user has to log in again" {
                keeping::a_ring_comes_back_as_it_was_given,
                keeping::the_longest_ring_is_kept_whole,
                keeping::a_ring_is_kept_for_ever,
                racing::a_load_sees_no_half_of_a_swap,
                dropping::a_dropped_swap_happens_whole_or_not_at_all,
            }
            "two servers sign with keys of which each knows its own: the tokens of one are refused by the other" {
                swapping::there_is_no_ring_before_the_first_swap,
                swapping::a_swap_of_another_version_is_lost,
                swapping::the_same_bytes_are_another_ring_at_another_version,
                racing::of_many_first_swaps_one_wins,
                racing::of_many_swaps_one_wins,
                racing::no_change_is_lost,
            }
            "a server goes on with a key that was retired, or does not know the one that another signs with" {
                racing::a_load_sees_what_was_acknowledged,
            }
            "one issuer gets the keys of another, or can keep none" {
                naming::names_are_compared_byte_for_byte,
                naming::the_longest_names_are_kept_apart,
            }
            "a key signs before every server publishes it, or after it was to be out of use" {
                clock::every_load_tells_the_time_by_one_clock,
            }
        }
    };
}

macro_rules! table {
    (() $($cost:literal { $($part:ident::$case:ident,)+ })+) => {
        [$($(Case {
            name: concat!("ring::", stringify!($part), "::", stringify!($case)),
            cost: $cost,
            run: |fixture, panics| Box::pin(async move {
                $part::$case(Trial::new(fixture, panics)).await
            }),
        },)+)+]
    };
}

pub(super) fn cases<F: Fixture>() -> impl Iterator<Item = Case<F>> {
    crate::__ring_conformance_cases!(table!()).into_iter()
}
