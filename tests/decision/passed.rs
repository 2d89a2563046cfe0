//! Rows 7 to 10: a token that the session has moved past.

use super::*;

/// When the late confirmation comes, and so many milliseconds after it.
fn hour(millis: i64) -> Timestamp {
    after(60 * 60 * 1000 + millis)
}

/// A session whose live token was confirmed an hour after its delivery.
fn confirmed_late() -> Record {
    with(|record| record.state.confirmed_at = Some(hour(0)))
}

#[test]
fn row_7_holds_for_the_window_and_writes_nothing() {
    for record in [record(), confirmed()] {
        for now in [after(-WINDOW), after(-1), after(0), after(WINDOW)] {
            assert_eq!(verdict(&record, 6, now), RefreshVerdict::Neighbour);
            writes_nothing(&record, 6, now);
        }
        assert_ne!(
            verdict(&record, 6, after(WINDOW + 1)),
            RefreshVerdict::Neighbour
        );
    }
}

#[test]
fn row_8_redelivers_and_moves_the_window() {
    let record = with(|record| record.state.late = 0b110);
    let now = after(WINDOW + 1);
    assert_eq!(verdict(&record, 6, now), RefreshVerdict::Late);
    writes(&record, 6, now, |state| {
        state.late = 0b111;
        state.delivered_at = Some(now);
    });
}

#[test]
fn row_8_is_free_again_within_a_generation() {
    let record = with(|record| record.state.late = 0b111);
    assert_eq!(verdict(&record, 6, after(WINDOW + 1)), RefreshVerdict::Late);
}

#[test]
fn row_8_holds_for_the_window_after_the_confirmation() {
    let record = confirmed_late();
    for now in [hour(-WINDOW), hour(-1), hour(0), hour(WINDOW)] {
        assert_eq!(verdict(&record, 6, now), RefreshVerdict::Late);
        writes(&record, 6, now, |state| {
            state.late = 1;
            state.delivered_at = Some(now);
        });
    }
    for now in [hour(-WINDOW - 1), hour(WINDOW + 1)] {
        assert_eq!(
            verdict(&record, 6, now),
            RefreshVerdict::Reuse(Reuse::Confirmed)
        );
    }
}

#[test]
fn row_8_after_the_confirmation_counts_against_the_budget() {
    let spent = |late| {
        let mut record = confirmed_late();
        record.state.late = late;
        verdict(&record, 6, hour(WINDOW))
    };
    assert_eq!(spent(0b110), RefreshVerdict::Late);
    assert_eq!(spent(0b1110), RefreshVerdict::Reuse(Reuse::BudgetSpent));
    // Again within the generation is free.
    assert_eq!(spent(0b111), RefreshVerdict::Late);
    assert_eq!(spent(0b1111), RefreshVerdict::Reuse(Reuse::BudgetSpent));
}

#[test]
fn row_8_after_the_confirmation_does_not_open_it_again() {
    let (now, mut record) = (hour(WINDOW), confirmed_late());
    record.state = written(&record, 6, now).expect("a write");
    assert_eq!(record.state.confirmed_at, Some(hour(0)));
    assert_eq!(
        verdict(&record, 6, hour(2 * WINDOW)),
        RefreshVerdict::Neighbour
    );
    let reuse = RefreshVerdict::Reuse(Reuse::Confirmed);
    assert_eq!(verdict(&record, 6, hour(2 * WINDOW + 1)), reuse);
}

#[test]
fn row_8_is_for_the_predecessor_only() {
    for generation in [0, 5] {
        let verdict = verdict(&confirmed_late(), generation, hour(1));
        assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::Older));
    }
}

#[test]
fn row_8_counts_bits_1_to_19() {
    for (late, expected) in [
        (0b1110, RefreshVerdict::Reuse(Reuse::BudgetSpent)),
        (0b1111, RefreshVerdict::Reuse(Reuse::BudgetSpent)),
        (1 << 19 | 0b110, RefreshVerdict::Reuse(Reuse::BudgetSpent)),
        (1 << 20 | 0b110, RefreshVerdict::Late),
        (0xfff0_0000 | 0b111, RefreshVerdict::Late),
    ] {
        let record = with(|record| record.state.late = late);
        assert_eq!(verdict(&record, 6, after(WINDOW + 1)), expected, "{late:b}");
    }
}

#[test]
fn row_8_the_whole_ring_can_be_the_span() {
    let mut policy = RotationPolicy::default();
    (policy.late_span, policy.late_budget) = (32, 1);
    let record = with(|record| record.state.late = 1 << 31);
    let verdict = decide(&record, token(&record, 6), after(WINDOW + 1), &policy);
    assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::BudgetSpent));
}

#[test]
fn row_9_a_confirmed_successor_makes_it_reuse() {
    let record = confirmed();
    let now = after(WINDOW + 1);
    assert_eq!(
        verdict(&record, 6, now),
        RefreshVerdict::Reuse(Reuse::Confirmed)
    );
}

#[test]
fn row_10_an_older_token_is_reuse_at_once() {
    let record = record();
    for generation in [0, 4, 5] {
        assert_eq!(
            verdict(&record, generation, after(0)),
            RefreshVerdict::Reuse(Reuse::Older)
        );
    }
}

#[test]
fn rows_9_and_10_write_a_revocation_and_nothing_else() {
    let spent = with(|record| record.state.late = 0b1110);
    let now = after(WINDOW + 1);
    for (record, generation) in [(confirmed(), 6), (spent, 6), (record(), 5)] {
        let mut expected = record.state.clone();
        expected.ended = Some(Ended::new(now, EndReason::Reuse));
        expected.version = now.as_millis().unsigned_abs();
        let next = written(&record, generation, now).expect("a write");
        assert!(next == expected, "{next:?}");
    }
}

#[test]
fn rows_9_and_10_can_be_told_to_leave_the_session_alone() {
    let mut policy = RotationPolicy::default();
    policy.end_on_reuse = false;
    let now = after(WINDOW + 1);
    for (generation, reuse) in [(6, Reuse::Confirmed), (5, Reuse::Older)] {
        let (record, verdict) = (confirmed(), RefreshVerdict::Reuse(reuse));
        let token = token(&record, generation);
        assert_eq!(decide(&record, token, now, &policy), verdict);
        assert!(verdict.apply(&record, token, now, &policy).is_none());
    }
}
