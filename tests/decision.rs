//! Every row of the decision table, at its boundaries, and what each writes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{
        Policy, Presented, Refusal, Reuse, RevokeReason, Revoked, Session, SessionSecret, Verdict,
        decide,
    },
};

const DAY: i64 = 24 * 60 * 60;
const WINDOW: i64 = 10_000;

/// The time of the last delivery in all cases.
fn delivered() -> Timestamp {
    Timestamp::from_secs(100 * DAY)
}

fn after(millis: i64) -> Timestamp {
    Timestamp::from_millis(delivered().as_millis() + millis)
}

/// A session of generation 7, unconfirmed, that lives for 30 days and ends in 50.
fn session() -> Session {
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
    let secret = SessionSecret::from_bytes([9; 32]);
    let created = delivered() - Duration::from_secs(10 * DAY as u64);
    let mut session = Session::new(id, "https://id.example", "anna", secret, created);
    session.generation = 7;
    session.rotated_at = Some(delivered());
    session.delivered_at = Some(delivered());
    session.expires_at = after(30 * DAY * 1000);
    session.ends_at = after(50 * DAY * 1000);
    session.version = 21;
    session
}

fn with(change: impl FnOnce(&mut Session)) -> Session {
    let mut session = session();
    change(&mut session);
    session
}

fn token(session: &Session, generation: u32) -> Presented {
    Presented::genuine(session, generation, session.expires_at)
}

#[track_caller]
fn verdict(session: &Session, generation: u32, now: Timestamp) -> Verdict {
    decide(session, token(session, generation), now, &Policy::default())
}

#[track_caller]
fn written(session: &Session, generation: u32, now: Timestamp) -> Option<Session> {
    let (token, policy) = (token(session, generation), Policy::default());
    decide(session, token, now, &policy).apply(session, token, now, &policy)
}

/// Asserts that nothing but what `change` does was written.
#[track_caller]
fn writes(session: &Session, generation: u32, now: Timestamp, change: impl FnOnce(&mut Session)) {
    let mut expected = session.clone();
    expected.version += 1;
    expected.last_refreshed_at = Some(now);
    change(&mut expected);
    let written = written(session, generation, now).expect("a write");
    assert!(written == expected, "{written:?} is not {expected:?}");
}

#[track_caller]
fn writes_nothing(session: &Session, generation: u32, now: Timestamp) {
    assert!(written(session, generation, now).is_none());
}

#[test]
fn row_2_a_jti_that_is_not_the_secrets_is_forged() {
    for generation in [0, 6, 7, 8] {
        let session = session();
        let mut token = token(&session, generation);
        token.jti = uuid::Uuid::new_v8([1; 16]);
        let verdict = decide(&session, token, after(0), &Policy::default());
        assert_eq!(verdict, Verdict::Refused(Refusal::Forged));
        assert!(
            verdict
                .apply(&session, token, after(0), &Policy::default())
                .is_none()
        );
    }
    let (session, other) = (
        session(),
        with(|other| other.secret = SessionSecret::from_bytes([8; 32])),
    );
    let verdict = decide(&session, token(&other, 7), after(0), &Policy::default());
    assert_eq!(verdict, Verdict::Refused(Refusal::Forged));
}

#[test]
fn row_2_a_token_of_another_session_generation_or_issuer_is_forged() {
    let session = session();
    let others = [
        with(|other| other.id = SessionId::from_uuid(uuid::Uuid::from_u128(8))),
        with(|other| other.issuer = "https://other.example".into()),
    ];
    for other in others {
        let verdict = decide(&session, token(&other, 7), after(0), &Policy::default());
        assert_eq!(verdict, Verdict::Refused(Refusal::Forged));
    }
    let mut relabelled = token(&session, 7);
    relabelled.generation = 6;
    let verdict = decide(&session, relabelled, after(0), &Policy::default());
    assert_eq!(verdict, Verdict::Refused(Refusal::Forged));
}

#[test]
fn row_3_revoked_comes_before_any_leniency() {
    let revoked = Revoked::new(delivered(), RevokeReason::Logout);
    let session = with(|session| session.revoked = Some(revoked));
    for generation in [0, 6, 7, 8] {
        for now in [after(0), after(WINDOW), after(60 * DAY * 1000)] {
            assert_eq!(
                verdict(&session, generation, now),
                Verdict::Refused(Refusal::Revoked)
            );
        }
        writes_nothing(&session, generation, after(0));
    }
}

#[test]
fn row_4_the_live_token_dies_at_expires_at() {
    let session = session();
    let end = session.expires_at;
    let before = Timestamp::from_millis(end.as_millis() - 1);
    assert_eq!(verdict(&session, 7, before), Verdict::Rotate);
    assert_eq!(
        verdict(&session, 7, end),
        Verdict::Refused(Refusal::Expired)
    );
    assert_eq!(
        verdict(&session, 6, end),
        Verdict::Refused(Refusal::Expired)
    );
    assert_eq!(
        verdict(&session, 5, end),
        Verdict::Refused(Refusal::Expired)
    );
    writes_nothing(&session, 5, end);
}

#[test]
fn row_4_every_token_dies_at_ends_at() {
    let session = session();
    let end = session.ends_at;
    for generation in [0, 6, 7, 8] {
        let token = Presented::genuine(&session, generation, end + Duration::from_secs(1));
        let verdict = decide(&session, token, end, &Policy::default());
        assert_eq!(verdict, Verdict::Refused(Refusal::Expired));
    }
}

#[test]
fn row_4_an_expired_old_token_never_revokes() {
    let now = after(20 * DAY * 1000);
    for (generation, confirmed) in [(6, true), (5, false), (5, true), (0, false)] {
        let session = with(|session| session.confirmed = confirmed);
        let token = Presented::genuine(&session, generation, now);
        let verdict = decide(&session, token, now, &Policy::default());
        assert_eq!(verdict, Verdict::Refused(Refusal::Expired));
    }
}

#[test]
fn row_4_an_unconfirmed_predecessor_outlives_its_own_exp() {
    let session = session();
    let now = after(20 * DAY * 1000);
    let token = Presented::genuine(&session, 6, now);
    assert_eq!(
        decide(&session, token, now, &Policy::default()),
        Verdict::Late
    );
}

#[test]
fn row_4_a_neighbour_outlives_its_own_exp() {
    for confirmed in [false, true] {
        let session = with(|session| session.confirmed = confirmed);
        let token = Presented::genuine(&session, 6, after(WINDOW / 2));
        let verdict = decide(&session, token, after(WINDOW), &Policy::default());
        assert_eq!(verdict, Verdict::Neighbour);
    }
}

#[test]
fn row_4_an_unconfirmed_predecessor_that_outlived_its_exp_is_reuse_once_the_budget_is_spent() {
    let session = with(|session| session.late = 0b1110);
    let now = after(DAY * 1000);
    let token = Presented::genuine(&session, 6, now);
    let verdict = decide(&session, token, now, &Policy::default());
    assert_eq!(verdict, Verdict::Reuse(Reuse::BudgetSpent));
}

#[test]
fn row_4_a_token_ahead_dies_at_its_own_exp() {
    let session = session();
    let now = after(DAY * 1000);
    let dead = Presented::genuine(&session, 8, now);
    assert_eq!(
        decide(&session, dead, now, &Policy::default()),
        Verdict::Refused(Refusal::Expired)
    );
    let alive = Presented::genuine(&session, 8, Timestamp::from_millis(now.as_millis() + 1));
    assert_eq!(
        decide(&session, alive, now, &Policy::default()),
        Verdict::Restore
    );
}

#[test]
fn row_5_holds_for_twice_the_window_and_confirms() {
    let session = session();
    for now in [after(-WINDOW), after(0), after(2 * WINDOW)] {
        assert_eq!(verdict(&session, 7, now), Verdict::Current);
        writes(&session, 7, now, |session| session.confirmed = true);
    }
    assert_eq!(verdict(&session, 7, after(2 * WINDOW + 1)), Verdict::Rotate);
}

#[test]
fn row_5_writes_nothing_once_confirmed() {
    let session = with(|session| session.confirmed = true);
    assert_eq!(verdict(&session, 7, after(0)), Verdict::Current);
    writes_nothing(&session, 7, after(0));
}

#[test]
fn row_5_does_not_hold_for_generation_0() {
    let session = with(|session| {
        session.generation = 0;
        session.rotated_at = None;
        session.delivered_at = None;
    });
    assert_eq!(verdict(&session, 0, after(0)), Verdict::Rotate);
}

#[test]
fn row_6_rotates() {
    let session = with(|session| {
        session.confirmed = true;
        session.late = 0b1001;
    });
    let now = after(2 * WINDOW + 1);
    writes(&session, 7, now, |session| {
        session.generation = 8;
        session.confirmed = false;
        session.late = 0b10010;
        session.rotated_at = Some(now);
        session.delivered_at = Some(now);
        session.expires_at = now + Policy::default().idle_lifetime;
    });
}

#[test]
fn row_6_never_passes_ends_at() {
    let now = after(29 * DAY * 1000);
    let session = session();
    let next = written(&session, 7, now).expect("a write");
    assert_eq!(next.expires_at, session.ends_at);
}

#[test]
fn row_6_refuses_the_last_generation() {
    let session = with(|session| session.generation = u32::MAX);
    assert_eq!(verdict(&session, u32::MAX, after(0)), Verdict::Current);
    let late = after(2 * WINDOW + 1);
    assert_eq!(
        verdict(&session, u32::MAX, late),
        Verdict::Refused(Refusal::Exhausted)
    );
    writes_nothing(&session, u32::MAX, late);
    let before = with(|session| session.generation = u32::MAX - 1);
    assert_eq!(
        written(&before, u32::MAX - 1, late)
            .expect("a write")
            .generation,
        u32::MAX
    );
}

#[test]
fn row_7_holds_for_the_window_and_writes_nothing() {
    for confirmed in [false, true] {
        let session = with(|session| session.confirmed = confirmed);
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
    let session = with(|session| session.confirmed = true);
    let now = after(WINDOW + 1);
    assert_eq!(verdict(&session, 6, now), Verdict::Reuse(Reuse::Confirmed));
    writes_nothing(&session, 6, now);
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
fn row_11_a_token_ahead_restores_the_session() {
    for (ahead, late, shifted) in [
        (1, 0b11, 0b110),
        (31, 0b11, 1 << 31),
        (32, 0b11, 0),
        (4000, 1, 0),
    ] {
        let session = with(|session| session.late = late);
        let exp = after(5 * DAY * 1000);
        let token = Presented::genuine(&session, 7 + ahead, exp);
        let (now, policy) = (after(DAY * 1000), Policy::default());
        assert_eq!(decide(&session, token, now, &policy), Verdict::Restore);
        let next = Verdict::Restore
            .apply(&session, token, now, &policy)
            .expect("a write");
        let mut expected = session.clone();
        expected.generation = 7 + ahead;
        expected.confirmed = true;
        expected.rotated_at = Some(now);
        expected.delivered_at = Some(now);
        expected.last_refreshed_at = Some(now);
        expected.expires_at = exp;
        expected.late = shifted;
        expected.version += 1;
        assert!(next == expected, "{next:?}");
    }
}

#[test]
fn row_11_holds_though_the_stores_expiry_has_passed_and_never_passes_ends_at() {
    let session = session();
    let now = after(31 * DAY * 1000);
    let token = Presented::genuine(&session, 8, after(90 * DAY * 1000));
    assert_eq!(
        decide(&session, token, now, &Policy::default()),
        Verdict::Restore
    );
    let next = Verdict::Restore
        .apply(&session, token, now, &Policy::default())
        .expect("a write");
    assert_eq!(next.expires_at, session.ends_at);
}

#[test]
fn row_11_the_last_generation_ahead_does_not_wrap() {
    let session = with(|session| session.generation = 0);
    assert_eq!(verdict(&session, u32::MAX, after(0)), Verdict::Restore);
}

#[test]
fn a_clock_that_jumped_back_opens_no_window() {
    let back = after(-WINDOW - 1);
    let confirmed = with(|session| session.confirmed = true);
    assert_eq!(verdict(&confirmed, 7, back), Verdict::Rotate);
    assert_eq!(
        verdict(&confirmed, 6, back),
        Verdict::Reuse(Reuse::Confirmed)
    );
    assert_eq!(verdict(&session(), 6, back), Verdict::Late);
}

#[test]
fn a_window_of_zero_is_no_window() {
    let mut policy = Policy::default();
    policy.reuse_window = Duration::ZERO;
    let session = with(|session| session.confirmed = true);
    let at = |generation, now| decide(&session, token(&session, generation), now, &policy);
    assert_eq!(at(7, after(1)), Verdict::Rotate);
    assert_eq!(at(6, after(1)), Verdict::Reuse(Reuse::Confirmed));
}

#[test]
fn nothing_overflows() {
    let mut policy = Policy::default();
    policy.reuse_window = Duration::MAX;
    policy.idle_lifetime = Duration::MAX;
    for generation in [0, 1, 6, 7, 8, u32::MAX] {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            for delivered in [None, Some(i64::MIN), Some(i64::MAX)] {
                let session = with(|session| {
                    session.delivered_at = delivered.map(Timestamp::from_millis);
                    session.expires_at = Timestamp::from_millis(i64::MAX);
                    session.ends_at = Timestamp::from_millis(i64::MAX);
                    session.version = u64::MAX;
                });
                let (token, now) = (token(&session, generation), Timestamp::from_millis(at));
                let _ = decide(&session, token, now, &policy).apply(&session, token, now, &policy);
            }
        }
    }
}
