//! The suite has teeth: each promise that a store breaks is seen by its cases, and by no other.

use std::{collections::BTreeSet, sync::Arc};

use tests_shared::careless::{Careless, Fault};
use tower_bearer_conformance::{check, failures};

use crate::support::{START, Setup};

fn careless(fault: Fault) -> Setup<Arc<Careless>> {
    Setup::new(|clock| Arc::new(Careless::new(clock, fault, START))).histories(30)
}

/// The cases that a store with this fault fails.
async fn failed(fault: Fault) -> BTreeSet<&'static str> {
    let failures = failures(async || careless(fault)).await;
    failures.iter().map(|failure| failure.case).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_a_fault_fails_nothing() {
    assert_eq!(failed(Fault::None).await, [].into());
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "what it costs: one login takes the place of another")]
async fn a_failure_tells_what_it_costs() {
    check(async || careless(Fault::InsertsOverOthers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_store_is_told_as_one() {
    let failures = failures(async || careless(Fault::PanicsAsItConfirms)).await;
    let case = "confirming::an_ended_session_is_not_confirmed";
    let failure = failures.iter().find(|failure| failure.case == case);
    let told = failure.expect("it confirms").to_string();
    let why = "the store panicked in `confirm`: attempt to add with overflow";
    assert!(told.contains(why), "{told}");
    assert!(told.contains("the request gets no answer"), "{told}");
    // Also where another task of the case has called it.
    let others = failures.iter().filter(|failure| failure.why == why);
    assert_eq!(others.count(), failures.len(), "{failures:#?}");
}

/// Whether a few random histories come by a fault is chance.
const HISTORIES: &str = "histories::random_histories_go_as_the_protocol_says";

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
                let must = [$(concat!(stringify!($part), "::", stringify!($case)),)+];
                let may = [$($(concat!(stringify!($other), "::", stringify!($chance)),)+)?];
                let must: BTreeSet<_> = must.into();
                let may = may.into_iter().chain(must.iter().copied());
                let may: BTreeSet<_> = may.chain([HISTORIES]).collect();
                let must: BTreeSet<_> = must.into_iter().filter(|case| *case != HISTORIES).collect();
                assert!(failed.is_superset(&must), "only {failed:#?}");
                assert!(failed.is_subset(&may), "also {failed:#?}");
            }
        )+

        #[tokio::test(flavor = "multi_thread")]
        async fn each_case_sees_a_fault() {
            let seen = [$($(concat!(stringify!($part), "::", stringify!($case)),)+)+];
            assert_eq!(failed(Fault::Down).await, seen.into());
        }
    };
}

teeth! {
    inserts_over_others: InsertsOverOthers {
        keeping::a_taken_identifier_is_a_duplicate,
        racing::of_many_inserts_one_wins,
    }

    inserts_at_version_0: InsertsAtVersion0 {
        ending::a_session_ends_whatever_its_version,
        walking::all_live_sessions_of_an_issuer_are_listed,
        keeping::a_new_session_keeps_its_version,
        keeping::a_session_is_kept_as_it_was_given,
        listing::a_list_shows_live_sessions_only,
        swapping::a_swap_writes_the_next_state,
        confirming::a_confirmation_changes_nothing_else,
        ending::end_takes_effect_once,
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
    }

    inserts_without_extra: InsertsWithoutExtra {
        walking::all_live_sessions_of_an_issuer_are_listed,
        keeping::a_session_is_kept_as_it_was_given,
        listing::a_list_shows_live_sessions_only,
        swapping::a_swap_writes_the_next_state,
        confirming::a_confirmation_changes_nothing_else,
        ending::end_takes_effect_once,
        ending::an_end_changes_nothing_else,
    }

    inserts_without_extra_of_the_state: InsertsWithoutExtraOfTheState {
        walking::all_live_sessions_of_an_issuer_are_listed,
        keeping::a_session_is_kept_as_it_was_given,
        listing::a_list_shows_live_sessions_only,
        confirming::a_confirmation_changes_nothing_else,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    inserts_short_notes: InsertsShortNotes {
        walking::all_live_sessions_of_an_issuer_are_listed,
        keeping::a_session_is_kept_as_it_was_given,
        listing::a_list_shows_live_sessions_only,
        swapping::a_swap_writes_the_next_state,
        confirming::a_confirmation_changes_nothing_else,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    inserts_in_two_steps: InsertsInTwoSteps {
        racing::of_many_inserts_one_wins,
    }

    inserts_in_two_transactions: InsertsInTwoTransactions {
        dropping::a_dropped_future_leaves_the_store_whole,
    }

    refuses_long_names: RefusesLongNames {
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    cuts_long_names: CutsLongNames {
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    lags: Lags {
        swapping::the_extra_members_are_those_of_the_last_swap,
        swapping::a_binding_stays_whatever_is_written,
        ending::an_end_changes_nothing_else,
        ending::a_session_ends_whatever_its_version,
        confirming::a_confirmation_changes_nothing_else,
        swapping::a_swap_of_another_version_is_lost,
        racing::of_many_swaps_one_wins,
        racing::no_update_is_lost,
        serving::a_hundred_refreshes_of_one_token_give_one_successor,
        swapping::a_swap_can_end_for_every_reason,
        ending::end_takes_effect_once,
        racing::nothing_changes_after_the_end,
        serving::a_logout_is_never_undone_by_a_rotation,
        keeping::a_taken_identifier_is_a_duplicate,
        swapping::a_swap_writes_the_next_state,
        acknowledged::a_load_sees_what_was_acknowledged,
        dropping::a_dropped_future_leaves_the_store_whole,
        histories::random_histories_go_as_the_protocol_says,
        clock::every_write_takes_the_time_of_one_clock,
        confirming::confirm_takes_only_what_fits,
        confirming::confirm_takes_large_batches,
        racing::writers_of_many_sessions_do_not_block_each_other,
        ending::end_all_takes_one_subject_of_one_issuer,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_drops_notes_and_claims,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
        since::what_was_ended_is_told_earliest_first,
    }

    hides_revoked: HidesRevoked {
        swapping::a_binding_stays_whatever_is_written,
        ending::an_end_changes_nothing_else,
        ending::a_session_ends_whatever_its_version,
        swapping::a_swap_of_an_ended_session_is_lost,
        swapping::a_swap_can_end_for_every_reason,
        confirming::an_ended_session_is_not_confirmed,
        ending::end_takes_effect_once,
        racing::nothing_changes_after_the_end,
        serving::a_logout_is_never_undone_by_a_rotation,
        keeping::a_taken_identifier_is_a_duplicate,
        acknowledged::a_load_sees_what_was_acknowledged,
        dropping::a_dropped_future_leaves_the_store_whole,
        histories::random_histories_go_as_the_protocol_says,
        clock::every_write_takes_the_time_of_one_clock,
        racing::writers_of_many_sessions_do_not_block_each_other,
        ending::end_all_takes_one_subject_of_one_issuer,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_drops_notes_and_claims,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
        since::what_was_ended_is_told_earliest_first,
    }

    loads_by_another_clock: LoadsByAnotherClock {
        clock::every_call_tells_the_time_by_one_clock,
    }

    swaps_any_version: SwapsAnyVersion {
        swapping::a_binding_stays_whatever_is_written,
        swapping::a_swap_of_another_version_is_lost,
        racing::of_many_swaps_one_wins,
    } ? {
        racing::no_update_is_lost,
        racing::nothing_changes_after_the_end,
        serving::a_hundred_refreshes_of_one_token_give_one_successor,
        acknowledged::a_load_sees_what_was_acknowledged,
        histories::random_histories_go_as_the_protocol_says,
    }

    swaps_revoked: SwapsRevoked {
        swapping::a_swap_of_an_ended_session_is_lost,
        swapping::a_swap_can_end_for_every_reason,
        racing::nothing_changes_after_the_end,
    } ? {
        serving::a_logout_is_never_undone_by_a_rotation,
        histories::random_histories_go_as_the_protocol_says,
    }

    swaps_all_but_the_end: SwapsAllButTheEnd {
        swapping::a_swap_can_end_for_every_reason,
        histories::random_histories_go_as_the_protocol_says,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
        since::ends_are_told_page_by_page,
        since::what_was_ended_is_told_earliest_first,
    }

    swaps_in_two_steps: SwapsInTwoSteps {
        racing::of_many_swaps_one_wins,
        racing::no_update_is_lost,
        racing::nothing_changes_after_the_end,
    } ? {
        acknowledged::a_load_sees_what_was_acknowledged,
        serving::a_hundred_refreshes_of_one_token_give_one_successor,
        serving::a_logout_is_never_undone_by_a_rotation,
        histories::random_histories_go_as_the_protocol_says,
    }

    swaps_half: SwapsHalf {
        racing::no_update_is_lost,
        dropping::a_dropped_future_leaves_the_store_whole,
    } ? {
        racing::nothing_changes_after_the_end,
        racing::of_many_swaps_one_wins,
        acknowledged::a_load_sees_what_was_acknowledged,
        serving::a_hundred_refreshes_of_one_token_give_one_successor,
        serving::a_logout_is_never_undone_by_a_rotation,
        histories::random_histories_go_as_the_protocol_says,
    }

    swaps_all_but_the_key: SwapsAllButTheKey {
        swapping::a_binding_stays_whatever_is_written,
        swapping::a_swap_writes_the_next_state,
    }

    swaps_all_but_extra: SwapsAllButExtra {
        swapping::a_swap_writes_the_next_state,
        swapping::the_extra_members_are_those_of_the_last_swap,
    }

    counts_versions_itself: CountsVersionsItself {
        swapping::a_swap_of_another_version_is_lost,
        racing::of_many_swaps_one_wins,
        swapping::a_swap_can_end_for_every_reason,
        ending::end_takes_effect_once,
        swapping::a_swap_writes_the_next_state,
        dropping::a_dropped_future_leaves_the_store_whole,
        histories::random_histories_go_as_the_protocol_says,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::an_end_changes_nothing_else,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    creates_by_swap: CreatesBySwap {
        swapping::a_swap_never_creates_a_session,
        cleaning::a_deleted_session_stays_deleted,
    }

    revives_by_swap: RevivesBySwap {
        cleaning::a_deleted_session_stays_deleted,
    }

    loses_swaps: LosesSwaps {
        swapping::the_extra_members_are_those_of_the_last_swap,
        swapping::a_binding_stays_whatever_is_written,
        swapping::a_swap_of_another_version_is_lost,
        racing::of_many_swaps_one_wins,
        racing::no_update_is_lost,
        serving::a_hundred_refreshes_of_one_token_give_one_successor,
        swapping::a_swap_can_end_for_every_reason,
        ending::end_takes_effect_once,
        racing::nothing_changes_after_the_end,
        swapping::a_swap_writes_the_next_state,
        acknowledged::a_load_sees_what_was_acknowledged,
        histories::random_histories_go_as_the_protocol_says,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
        since::ends_are_told_page_by_page,
        since::what_was_ended_is_told_earliest_first,
    }

    confirms_revoked: ConfirmsEnded {
        confirming::an_ended_session_is_not_confirmed,
        racing::nothing_changes_after_the_end,
    } ? {
        racing::writers_of_many_sessions_do_not_block_each_other,
    }

    confirms_any_generation: ConfirmsAnyGeneration {
        histories::random_histories_go_as_the_protocol_says,
        confirming::confirm_takes_only_what_fits,
        confirming::confirm_takes_large_batches,
    }

    confirms_again: ConfirmsAgain {
        histories::random_histories_go_as_the_protocol_says,
        confirming::confirm_takes_only_what_fits,
    } ? {
        racing::writers_of_many_sessions_do_not_block_each_other,
    }

    confirms_and_forgets_the_key: ConfirmsAndForgetsTheKey {
        swapping::a_binding_stays_whatever_is_written,
        confirming::a_confirmation_changes_nothing_else,
    }

    confirms_beyond_the_highest_version: ConfirmsBeyondTheHighestVersion {
        ending::a_session_ends_whatever_its_version,
    }

    ends_none_of_the_highest_version: EndsNoneOfTheHighestVersion {
        ending::a_session_ends_whatever_its_version,
    }

    confirms_and_forgets_extra: ConfirmsAndForgetsExtra {
        swapping::the_extra_members_are_those_of_the_last_swap,
        confirming::a_confirmation_changes_nothing_else,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    confirms_by_another_clock: ConfirmsByAnotherClock {
        clock::every_write_takes_the_time_of_one_clock,
    }

    confirms_the_first_500: ConfirmsTheFirst500 {
        confirming::confirm_takes_large_batches,
    }

    fails_where_others_confirm: FailsWhereOthersConfirm {
        racing::nothing_changes_after_the_end,
        racing::writers_of_many_sessions_do_not_block_each_other,
    }

    loses_ends: LosesEnds {
        walking::all_live_sessions_of_an_issuer_are_listed,
        ending::an_end_changes_nothing_else,
        ending::a_session_ends_whatever_its_version,
        swapping::a_swap_of_an_ended_session_is_lost,
        confirming::an_ended_session_is_not_confirmed,
        ending::end_takes_effect_once,
        racing::nothing_changes_after_the_end,
        racing::of_many_ends_one_wins,
        serving::a_logout_is_never_undone_by_a_rotation,
        keeping::a_taken_identifier_is_a_duplicate,
        acknowledged::a_load_sees_what_was_acknowledged,
        dropping::a_dropped_future_leaves_the_store_whole,
        histories::random_histories_go_as_the_protocol_says,
        clock::every_write_takes_the_time_of_one_clock,
        racing::writers_of_many_sessions_do_not_block_each_other,
        ending::end_all_takes_one_subject_of_one_issuer,
        listing::a_list_shows_live_sessions_only,
        listing::a_list_is_paged_newest_first,
        listing::ten_thousand_sessions_of_one_subject,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::a_keep_of_another_subject_keeps_nothing,
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_drops_notes_and_claims,
        ending::end_all_keeps_the_session_that_goes_on,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
        since::what_was_ended_is_told_earliest_first,
    }

    ends_again: EndsAgain {
        ending::an_end_changes_nothing_else,
        swapping::a_swap_can_end_for_every_reason,
        ending::end_takes_effect_once,
        racing::of_many_ends_one_wins,
        clock::every_write_takes_the_time_of_one_clock,
        ending::end_all_takes_one_subject_of_one_issuer,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::a_keep_of_another_subject_keeps_nothing,
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_drops_notes_and_claims,
        ending::end_all_keeps_the_session_that_goes_on,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
        since::what_was_ended_is_told_earliest_first,
    } ? {
        racing::writers_of_many_sessions_do_not_block_each_other,
        serving::a_logout_is_never_undone_by_a_rotation,
        racing::nothing_changes_after_the_end,
    }

    ends_and_forgets_the_key: EndsAndForgetsTheKey {
        swapping::a_binding_stays_whatever_is_written,
        ending::end_takes_effect_once,
        ending::an_end_changes_nothing_else,
    }

    ends_by_another_clock: EndsByAnotherClock {
        histories::random_histories_go_as_the_protocol_says,
        clock::every_write_takes_the_time_of_one_clock,
        since::what_was_ended_is_told_earliest_first,
    }

    ends_in_two_steps: EndsInTwoSteps {
        racing::of_many_ends_one_wins,
    } ? {
        racing::writers_of_many_sessions_do_not_block_each_other,
        racing::nothing_changes_after_the_end,
    }

    ends_of_every_issuer: EndsOfEveryIssuer {
        ending::end_all_takes_one_subject_of_one_issuer,
        ending::a_keep_of_another_subject_keeps_nothing,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    ends_in_any_case: EndsInAnyCase {
        ending::end_all_takes_one_subject_of_one_issuer,
    }

    ends_only_what_is_live: EndsOnlyWhatIsLive {
        histories::random_histories_go_as_the_protocol_says,
        clock::every_write_takes_the_time_of_one_clock,
        ending::end_all_takes_one_subject_of_one_issuer,
        ending::an_end_brings_the_deletion_forward,
        since::what_was_ended_is_told_earliest_first,
    }

    ends_the_first_1000: EndsTheFirst1000 {
        listing::ten_thousand_sessions_of_one_subject,
    }

    ends_the_kept_too: EndsTheKeptToo {
        histories::random_histories_go_as_the_protocol_says,
        ending::end_all_keeps_the_session_that_goes_on,
        since::what_was_ended_is_told_earliest_first,
    }

    ends_nothing_for_an_unknown_keep: EndsNothingForAnUnknownKeep {
        ending::a_keep_of_another_subject_keeps_nothing,
    }

    ends_and_keeps_notes: EndsAndKeepsNotes {
        histories::random_histories_go_as_the_protocol_says,
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
        ending::end_takes_effect_once,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    ends_and_keeps_claims: EndsAndKeepsClaims {
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
        ending::end_takes_effect_once,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    ends_and_keeps_extra: EndsAndKeepsExtra {
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
        ending::end_takes_effect_once,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    ends_and_keeps_the_row: EndsAndKeepsTheRow {
        histories::random_histories_go_as_the_protocol_says,
        ending::an_end_brings_the_deletion_forward,
        ending::end_takes_effect_once,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        ending::an_end_changes_nothing_else,
    }

    ends_and_forgets_the_tokens: EndsAndForgetsTheTokens {
        ending::an_end_brings_the_deletion_forward,
        ending::an_end_changes_nothing_else,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
    }

    ends_and_keeps_the_row_for_a_day: EndsAndKeepsTheRowForADay {
        histories::random_histories_go_as_the_protocol_says,
        ending::an_end_brings_the_deletion_forward,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        dropping::a_dropped_future_leaves_the_store_whole,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    swaps_to_the_end_and_keeps_all: SwapsToTheEndAndKeepsAll {
        histories::random_histories_go_as_the_protocol_says,
        ending::an_end_changes_nothing_else,
        ending::an_end_drops_notes_and_claims,
        ending::an_end_brings_the_deletion_forward,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    lists_by_another_clock: ListsByAnotherClock {
        clock::every_call_tells_the_time_by_one_clock,
    }

    lists_what_is_dead: ListsWhatIsDead {
        swapping::a_swap_can_end_for_every_reason,
        histories::random_histories_go_as_the_protocol_says,
        listing::a_list_shows_live_sessions_only,
        listing::a_list_is_paged_newest_first,
        listing::ten_thousand_sessions_of_one_subject,
        ending::end_all_keeps_the_session_that_goes_on,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    lists_the_end_too: ListsTheEndToo {
        histories::random_histories_go_as_the_protocol_says,
        listing::a_list_shows_live_sessions_only,
    }

    lists_oldest_first: ListsOldestFirst {
        histories::random_histories_go_as_the_protocol_says,
        listing::a_list_shows_live_sessions_only,
        listing::a_list_is_paged_newest_first,
        listing::ten_thousand_sessions_of_one_subject,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
    }

    lists_the_cursor_too: ListsTheCursorToo {
        listing::a_list_is_paged_newest_first,
        listing::ten_thousand_sessions_of_one_subject,
    }

    lists_at_most_500: ListsAtMost500 {
        listing::ten_thousand_sessions_of_one_subject,
    }

    lists_all_by_another_clock: ListsAllByAnotherClock {
        clock::every_call_tells_the_time_by_one_clock,
    }

    lists_all_of_every_issuer: ListsAllOfEveryIssuer {
        walking::all_live_sessions_of_an_issuer_are_listed,
    }

    lists_all_that_is_dead: ListsAllThatIsDead {
        walking::dead_sessions_do_not_hide_those_behind_them,
        walking::all_live_sessions_of_an_issuer_are_listed,
    }

    lists_all_but_the_first_of_a_page: ListsAllButTheFirstOfAPage {
        walking::all_live_sessions_of_an_issuer_are_listed,
        walking::pages_go_through_all_while_others_come_and_go,
    }

    lists_all_for_ever: ListsAllForEver {
        walking::dead_sessions_do_not_hide_those_behind_them,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        walking::all_live_sessions_of_an_issuer_are_listed,
        walking::pages_go_through_all_while_others_come_and_go,
    }

    lists_all_until_a_short_page: ListsAllUntilAShortPage {
        walking::dead_sessions_do_not_hide_those_behind_them,
    }

    lists_all_on_one_page: ListsAllOnOnePage {
        walking::pages_go_through_all_while_others_come_and_go,
    }

    lists_all_from_any_cursor: ListsAllFromAnyCursor {
        walking::a_cursor_of_another_store_is_refused,
    }

    tells_by_identifier: TellsByIdentifier {
        since::what_was_ended_is_told_earliest_first,
        since::ends_are_told_page_by_page,
        histories::random_histories_go_as_the_protocol_says,
    }

    tells_only_later_ends: TellsOnlyLaterEnds {
        since::what_was_ended_is_told_earliest_first,
        since::ends_are_told_page_by_page,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        since::an_end_is_told_for_a_day,
    }

    tells_the_cursor_too: TellsTheCursorToo {
        since::ends_are_told_page_by_page,
    }

    tells_the_cursor_at_any_time: TellsTheCursorAtAnyTime {
        since::ends_are_told_page_by_page,
    }

    tells_beyond_the_limit: TellsBeyondTheLimit {
        since::ends_are_told_page_by_page,
    }

    tells_no_ends_by_swap: TellsNoEndsBySwap {
        since::what_was_ended_is_told_earliest_first,
        since::ends_are_told_page_by_page,
        since::an_end_is_told_for_a_day,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        histories::random_histories_go_as_the_protocol_says,
    }

    tells_no_ends_by_end_all: TellsNoEndsByEndAll {
        since::what_was_ended_is_told_earliest_first,
        since::an_end_is_told_for_a_day,
        limits::the_largest_session_is_kept_listed_swapped_and_ended,
        histories::random_histories_go_as_the_protocol_says,
    }

    tells_what_has_expired: TellsWhatHasExpired {
        since::what_was_ended_is_told_earliest_first,
        histories::random_histories_go_as_the_protocol_says,
    }

    tells_ends_of_an_hour: TellsEndsOfAnHour {
        since::an_end_is_told_for_a_day,
        histories::random_histories_go_as_the_protocol_says,
    }

    deletes_early: DeletesEarly {
        cleaning::a_deleted_identifier_is_free_again,
        histories::random_histories_go_as_the_protocol_says,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::no_more_than_the_limit_is_deleted,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        since::an_end_is_told_for_a_day,
    }

    deletes_what_is_idle: DeletesWhatIsIdle {
        histories::random_histories_go_as_the_protocol_says,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::no_more_than_the_limit_is_deleted,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        since::an_end_is_told_for_a_day,
    }

    deletes_what_is_revoked: DeletesWhatIsRevoked {
        histories::random_histories_go_as_the_protocol_says,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
        since::an_end_is_told_for_a_day,
    }

    deletes_newest_end_first: DeletesNewestEndFirst {
        cleaning::what_has_ended_is_deleted_oldest_end_first,
    }

    deletes_lowest_identifier_first: DeletesLowestIdentifierFirst {
        cleaning::what_has_ended_is_deleted_oldest_end_first,
    }

    deletes_highest_identifier_first: DeletesHighestIdentifierFirst {
        cleaning::what_has_ended_is_deleted_oldest_end_first,
    }

    deletes_beyond_the_limit: DeletesBeyondTheLimit {
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::no_more_than_the_limit_is_deleted,
        racing::many_clean_ups_delete_each_session_once,
    }

    deletes_in_two_steps: DeletesInTwoSteps {
        racing::many_clean_ups_delete_each_session_once,
    }

    deletes_nothing: DeletesNothing {
        cleaning::a_deleted_session_stays_deleted,
        cleaning::a_deleted_identifier_is_free_again,
        dropping::a_dropped_future_leaves_the_store_whole,
        histories::random_histories_go_as_the_protocol_says,
        cleaning::what_has_ended_is_deleted_oldest_end_first,
        cleaning::no_more_than_the_limit_is_deleted,
        racing::many_clean_ups_delete_each_session_once,
        cleaning::an_ended_session_is_deleted_when_its_tokens_have_expired,
    }

    never_frees_an_identifier: NeverFreesAnIdentifier {
        cleaning::a_deleted_identifier_is_free_again,
        racing::many_clean_ups_delete_each_session_once,
    }
}
