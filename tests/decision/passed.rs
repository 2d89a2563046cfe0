//! Rows 7 to 10: a token that the session has moved past.

use super::*;

/// When the late confirmation comes, and so many milliseconds after it.
fn hour(millis: i64) -> Timestamp {
    after(60 * 60 * 1000 + millis)
}

/// A session whose live token was confirmed an hour after its delivery.
fn confirmed_late() -> Session {
    with(|session| session.confirmed_at = Some(hour(0)))
}

#[test]
fn row_7_holds_for_the_window_and_writes_nothing() {
    for session in [session(), confirmed()] {
        for now in [after(-WINDOW), after(-1), after(0), after(WINDOW)] {
            assert_eq!(verdict(&session, 6, now), Verdict::Neighbour);
            writes_nothing(&session, 6, now);
        }
        assert_ne!(verdict(&session, 6, after(WINDOW + 1)), Verdict::Neighbour);
    }
}

#[test]
fn row_8_redelivers_and_moves_the_window() {
    let session = with(|session| session.late = 0b110);
    let now = after(WINDOW + 1);
    assert_eq!(verdict(&session, 6, now), Verdict::Late);
    writes(&session, 6, now, |session| {
        session.late = 0b111;
        session.delivered_at = Some(now);
    });
}

#[test]
fn row_8_is_free_again_within_a_generation() {
    let session = with(|session| session.late = 0b111);
    assert_eq!(verdict(&session, 6, after(WINDOW + 1)), Verdict::Late);
}

#[test]
fn row_8_holds_for_the_window_after_the_confirmation() {
    let session = confirmed_late();
    for now in [hour(-WINDOW), hour(-1), hour(0), hour(WINDOW)] {
        assert_eq!(verdict(&session, 6, now), Verdict::Late);
        writes(&session, 6, now, |session| {
            session.late = 1;
            session.delivered_at = Some(now);
        });
    }
    for now in [hour(-WINDOW - 1), hour(WINDOW + 1)] {
        assert_eq!(verdict(&session, 6, now), Verdict::Reuse(Reuse::Confirmed));
    }
}

#[test]
fn row_8_after_the_confirmation_counts_against_the_budget() {
    let spent = |late| {
        let mut session = confirmed_late();
        session.late = late;
        verdict(&session, 6, hour(WINDOW))
    };
    assert_eq!(spent(0b110), Verdict::Late);
    assert_eq!(spent(0b1110), Verdict::Reuse(Reuse::BudgetSpent));
    // Again within the generation is free.
    assert_eq!(spent(0b111), Verdict::Late);
    assert_eq!(spent(0b1111), Verdict::Reuse(Reuse::BudgetSpent));
}

#[test]
fn row_8_after_the_confirmation_does_not_open_it_again() {
    let (now, mut session) = (hour(WINDOW), confirmed_late());
    session = written(&session, 6, now).expect("a write");
    assert_eq!(session.confirmed_at, Some(hour(0)));
    assert_eq!(verdict(&session, 6, hour(2 * WINDOW)), Verdict::Neighbour);
    let reuse = Verdict::Reuse(Reuse::Confirmed);
    assert_eq!(verdict(&session, 6, hour(2 * WINDOW + 1)), reuse);
}

#[test]
fn row_8_is_for_the_predecessor_only() {
    for generation in [0, 5] {
        let verdict = verdict(&confirmed_late(), generation, hour(1));
        assert_eq!(verdict, Verdict::Reuse(Reuse::Older));
    }
}

#[test]
fn row_8_counts_bits_1_to_19() {
    for (late, expected) in [
        (0b1110, Verdict::Reuse(Reuse::BudgetSpent)),
        (0b1111, Verdict::Reuse(Reuse::BudgetSpent)),
        (1 << 19 | 0b110, Verdict::Reuse(Reuse::BudgetSpent)),
        (1 << 20 | 0b110, Verdict::Late),
        (0xfff0_0000 | 0b111, Verdict::Late),
    ] {
        let session = with(|session| session.late = late);
        assert_eq!(
            verdict(&session, 6, after(WINDOW + 1)),
            expected,
            "{late:b}"
        );
    }
}

#[test]
fn row_8_the_whole_ring_can_be_the_span() {
    let mut policy = Policy::default();
    (policy.late_span, policy.late_budget) = (32, 1);
    let session = with(|session| session.late = 1 << 31);
    let verdict = decide(&session, token(&session, 6), after(WINDOW + 1), &policy);
    assert_eq!(verdict, Verdict::Reuse(Reuse::BudgetSpent));
}

#[test]
fn row_9_a_confirmed_successor_makes_it_reuse() {
    let session = confirmed();
    let now = after(WINDOW + 1);
    assert_eq!(verdict(&session, 6, now), Verdict::Reuse(Reuse::Confirmed));
}

#[test]
fn row_10_an_older_token_is_reuse_at_once() {
    let session = session();
    for generation in [0, 4, 5] {
        assert_eq!(
            verdict(&session, generation, after(0)),
            Verdict::Reuse(Reuse::Older)
        );
    }
}

#[test]
fn rows_9_and_10_write_a_revocation_and_nothing_else() {
    let spent = with(|session| session.late = 0b1110);
    let now = after(WINDOW + 1);
    for (session, generation) in [(confirmed(), 6), (spent, 6), (session(), 5)] {
        let mut expected = session.clone();
        expected.revoked = Some(Revoked::new(now, RevokeReason::Reuse));
        expected.version = now.as_millis().unsigned_abs();
        let next = written(&session, generation, now).expect("a write");
        assert!(next == expected, "{next:?}");
    }
}

#[test]
fn rows_9_and_10_can_be_told_to_leave_the_session_alone() {
    let mut policy = Policy::default();
    policy.revoke_on_reuse = false;
    let now = after(WINDOW + 1);
    for (generation, reuse) in [(6, Reuse::Confirmed), (5, Reuse::Older)] {
        let (session, verdict) = (confirmed(), Verdict::Reuse(reuse));
        let token = token(&session, generation);
        assert_eq!(decide(&session, token, now, &policy), verdict);
        assert!(verdict.apply(&session, token, now, &policy).is_none());
    }
}
