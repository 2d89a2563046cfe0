//! The table of all cases, grouped by what it costs if a store fails them.

use std::pin::Pin;

use crate::{
    Fixture, acknowledged, cleaning, clock, confirming, dropping, ending, histories, keeping,
    limits, listing, racing, serving, since, swapping,
    trial::Trial,
    walking,
    watching::{Panics, Watching},
};

/// Calls the macro `$then` with `$given`, followed by the table.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_cases {
    ($($then:ident)::+ ! ($($given:tt)*)) => {
        $($then)::+ ! { ($($given)*)
            "two refresh tokens rotate one session: a thief's branch lives beside the victim's, unseen" {
                swapping::a_swap_of_another_version_is_lost,
                racing::of_many_swaps_one_wins,
                racing::no_update_is_lost,
                serving::a_hundred_refreshes_of_one_token_give_one_successor,
            }
            "a logged-out session comes back to life" {
                swapping::a_swap_of_an_ended_session_is_lost,
                swapping::a_swap_can_end_for_every_reason,
                confirming::an_ended_session_is_not_confirmed,
                ending::end_takes_effect_once,
                ending::a_session_ends_whatever_its_version,
                racing::nothing_changes_after_the_end,
                racing::of_many_ends_one_wins,
                serving::a_logout_is_never_undone_by_a_rotation,
            }
            "a stolen token of a session that is bound to a key is served without the key" {
                swapping::a_binding_stays_whatever_is_written,
            }
            "a session goes on as if its user had just authenticated, or need not authenticate again" {
                swapping::the_extra_members_are_those_of_the_last_swap,
            }
            "a deleted or lost session is revived" {
                swapping::a_swap_never_creates_a_session,
                cleaning::a_deleted_session_stays_deleted,
            }
            "one login takes the place of another, or finds its own place taken" {
                keeping::a_taken_identifier_is_a_duplicate,
                racing::of_many_inserts_one_wins,
                cleaning::a_deleted_identifier_is_free_again,
            }
            "honest clients are seen as thieves and logged out" {
                keeping::a_session_is_kept_as_it_was_given,
                keeping::a_new_session_keeps_its_version,
                swapping::a_swap_writes_the_next_state,
                confirming::a_confirmation_changes_nothing_else,
                ending::an_end_changes_nothing_else,
                acknowledged::a_load_sees_what_was_acknowledged,
                dropping::a_dropped_future_leaves_the_store_whole,
                histories::random_histories_go_as_the_protocol_says,
            }
            "reuse windows open too wide or not at all" {
                clock::every_call_tells_the_time_by_one_clock,
                clock::every_write_takes_the_time_of_one_clock,
            }
            "a thief is seen late, or an honest client's late retries are held against it" {
                confirming::confirm_takes_only_what_fits,
                confirming::confirm_takes_large_batches,
                racing::writers_of_many_sessions_do_not_block_each_other,
            }
            "a session is logged out, and its access tokens are admitted again after a restart" {
                since::what_was_ended_is_told_earliest_first,
                since::ends_are_told_page_by_page,
                since::an_end_is_told_for_a_day,
            }
            "users do not see all of their sessions, cannot end them, or see and end another's" {
                ending::end_all_takes_one_subject_of_one_issuer,
                ending::end_all_keeps_the_session_that_goes_on,
                ending::a_keep_of_another_subject_keeps_nothing,
                listing::a_list_shows_live_sessions_only,
                listing::a_list_is_paged_newest_first,
                listing::ten_thousand_sessions_of_one_subject,
            }
            "an administrator does not see who is logged in, or sees the users of another issuer" {
                walking::all_live_sessions_of_an_issuer_are_listed,
                walking::pages_go_through_all_while_others_come_and_go,
                walking::dead_sessions_do_not_hide_those_behind_them,
                walking::a_cursor_of_another_store_is_refused,
            }
            "a user with a long name can never log in" {
                limits::the_largest_session_is_kept_listed_swapped_and_ended,
            }
            "what an application noted of a user stays after the logout, and takes room for months" {
                ending::an_end_drops_notes_and_claims,
                ending::an_end_brings_the_deletion_forward,
                cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
            }
            "clients are logged out before their time, or dead sessions are kept for ever" {
                cleaning::what_has_ended_is_deleted_oldest_end_first,
                cleaning::no_more_than_the_limit_is_deleted,
                racing::many_clean_ups_delete_each_session_once,
            }
        }
    };
}

pub(super) struct Case<F> {
    /// Such as `swapping::a_swap_of_another_version_is_lost`.
    pub(super) name: &'static str,
    /// What it costs if a store fails the case.
    pub(super) cost: &'static str,
    /// Notes where the store panics.
    pub(super) run: fn(F, Panics) -> Running,
}

pub(super) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! table {
    (() $($cost:literal { $($part:ident::$case:ident,)+ })+) => {
        [$($(Case {
            name: concat!(stringify!($part), "::", stringify!($case)),
            cost: $cost,
            run: |fixture, panics| Box::pin(async move {
                $part::$case(Trial::new(Watching::new(fixture, &panics)).await).await
            }),
        },)+)+]
    };
}

pub(super) fn cases<F: Fixture>() -> impl Iterator<Item = Case<F>> {
    crate::__store_conformance_cases!(table!()).into_iter()
}
