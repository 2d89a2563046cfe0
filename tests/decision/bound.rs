//! Rows 12 to 14, and what rows 4, 6 and 11 are to a session that is bound to a key.

use tower_bearer::{
    claims::KeyThumbprint,
    session::Possession::{self, Proven, Unbound, Unproven},
};

use super::*;

const HOUR: i64 = 60 * 60 * 1000;
const MOMENTS: [i64; 7] = [
    -WINDOW,
    0,
    WINDOW,
    WINDOW + 1,
    2 * WINDOW,
    HOUR,
    29 * DAY * 1000,
];

fn key() -> KeyThumbprint {
    KeyThumbprint::from_bytes([5; 32])
}

/// A bound session, whose late redeliveries are as many as a ring can hold.
fn bound() -> Record {
    with(|record| {
        record.state.bound_to = Some(key());
        record.state.late = 0b1110;
    })
}

/// All policies that must make no difference to a bound session.
fn policies() -> Vec<RotationPolicy> {
    let mut policies = Vec::new();
    for strict in [false, true] {
        for (late_budget, late_span) in [(3, 20), (0, 1)] {
            for end_on_reuse in [false, true] {
                let mut policy = RotationPolicy::default();
                (policy.strict, policy.end_on_reuse) = (strict, end_on_reuse);
                (policy.late_budget, policy.late_span) = (late_budget, late_span);
                policies.push(policy);
            }
        }
    }
    policies
}

fn rotating_after(millis: u64) -> RotationPolicy {
    let mut policy = RotationPolicy::default();
    policy.rotate_bound_after = Duration::from_millis(millis);
    policy
}

/// What the policy says of a token of the record's expiry, and what that writes.
#[track_caller]
fn presented(
    record: &Record,
    (generation, possession): (u32, Possession),
    now: Timestamp,
    policy: &RotationPolicy,
) -> (RefreshVerdict, Option<SessionState>) {
    let token = token(record, generation).with_possession(possession);
    let verdict = decide(record, token, now, policy);
    (verdict, verdict.apply(record, token, now, policy))
}

#[track_caller]
fn proven(
    record: &Record,
    generation: u32,
    now: Timestamp,
) -> (RefreshVerdict, Option<SessionState>) {
    presented(
        record,
        (generation, Proven),
        now,
        &RotationPolicy::default(),
    )
}

/// Asserts that nothing but what `change` does was written.
#[track_caller]
fn is_but_for(
    written: Option<SessionState>,
    record: &Record,
    now: Timestamp,
    change: impl FnOnce(&mut SessionState),
) {
    let mut expected = record.state.clone();
    expected.version = now.as_millis().unsigned_abs();
    expected.last_refreshed_at = Some(now);
    change(&mut expected);
    let written = written.expect("a write");
    assert!(written == expected, "{written:?} is not {expected:?}");
}

#[test]
fn row_12_without_the_proof_nothing_is_given_and_nothing_written() {
    for record in [bound(), with_confirmed(bound())] {
        for possession in [Unbound, Unproven] {
            for generation in [0, 5, 6, 7, 8, u32::MAX] {
                for now in MOMENTS.map(after) {
                    for policy in policies() {
                        let (verdict, written) =
                            presented(&record, (generation, possession), now, &policy);
                        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Unproven));
                        assert!(!verdict.is_accepted() && written.is_none());
                    }
                }
            }
        }
    }
}

#[test]
fn row_12_a_token_that_names_a_key_needs_its_proof_though_the_store_has_lost_the_binding() {
    for generation in [0, 6, 7, 8] {
        let (verdict, written) = presented(
            &confirmed(),
            (generation, Unproven),
            after(HOUR),
            &RotationPolicy::default(),
        );
        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Unproven));
        assert!(written.is_none());
    }
}

#[test]
fn rows_2_to_4_come_before_row_12() {
    for possession in [Unbound, Unproven, Proven] {
        let end = bound().state.expires_at;
        let ended = Ended::new(delivered(), EndReason::Logout);
        for generation in [0, 6, 7, 8] {
            let mut forged = token(&bound(), generation).with_possession(possession);
            forged.is_genuine = false;
            let verdict = decide(&bound(), forged, after(0), &RotationPolicy::default());
            assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Forged));

            let mut over = bound();
            over.state.ended = Some(ended);
            let policy = RotationPolicy::default();
            let (verdict, _) = presented(&over, (generation, possession), after(0), &policy);
            assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Ended));

            let (verdict, _) = presented(&bound(), (generation, possession), end, &policy);
            assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Expired));
        }
    }
}

#[test]
fn row_4_a_passed_token_does_not_die_of_its_own_exp() {
    let record = with_confirmed(bound());
    let before_the_end = Timestamp::from_millis(record.state.expires_at.as_millis() - 1);
    for now in [after(HOUR), before_the_end] {
        for generation in [0, 5, 6] {
            for exp in [now, after(-WINDOW)] {
                let token = PresentedToken::new(generation, exp, true).with_possession(Proven);
                let verdict = decide(&record, token, now, &RotationPolicy::default());
                assert_eq!(verdict, RefreshVerdict::Overtaken);
            }
        }
    }
}

#[test]
fn row_4_a_token_ahead_dies_of_its_own_exp_and_every_token_at_the_sessions_end() {
    let now = after(HOUR);
    let dead = PresentedToken::new(8, now, true).with_possession(Proven);
    let verdict = decide(&bound(), dead, now, &RotationPolicy::default());
    assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Expired));

    let end = bound().session.ends_at;
    for generation in [0, 6, 7, 8] {
        let token = PresentedToken::new(generation, end + Duration::from_secs(1), true);
        let token = token.with_possession(Proven);
        let verdict = decide(&bound(), token, end, &RotationPolicy::default());
        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Expired));
    }
}

#[test]
fn row_13_the_live_token_is_given_out_again_for_twice_the_window() {
    for now in [after(-WINDOW), after(0), after(2 * WINDOW)] {
        let (verdict, written) = proven(&bound(), 7, now);
        assert_eq!(verdict, RefreshVerdict::Current);
        is_but_for(written, &bound(), now, |state| {
            state.confirmed_at = Some(now)
        });

        let confirmed = with_confirmed(bound());
        let (verdict, written) = proven(&confirmed, 7, now);
        assert_eq!(verdict, RefreshVerdict::Current);
        assert!(written.is_none(), "the confirmation is written once");
    }
    for now in [after(-WINDOW - 1), after(2 * WINDOW + 1)] {
        assert_eq!(proven(&bound(), 7, now).0, RefreshVerdict::Rotate);
    }
}

#[test]
fn row_13_holds_for_as_long_as_bound_sessions_are_not_to_rotate() {
    let day = DAY * 1000;
    for (setting, kept) in [
        (day, day),
        (2 * WINDOW + 5, 2 * WINDOW + 5),
        (1, 2 * WINDOW),
    ] {
        let policy = rotating_after(setting.unsigned_abs());
        let at = |millis| presented(&bound(), (7, Proven), after(millis), &policy).0;
        assert_eq!(at(kept), RefreshVerdict::Current, "{setting}");
        assert_eq!(at(kept + 1), RefreshVerdict::Rotate, "{setting}");
        // It is no leave for a clock that is far behind.
        assert_eq!(at(-WINDOW - 1), RefreshVerdict::Rotate, "{setting}");
    }
    // Others rotate as before.
    let policy = rotating_after(day.unsigned_abs());
    let verdict = presented(&record(), (7, Unbound), after(HOUR), &policy).0;
    assert_eq!(verdict, RefreshVerdict::Rotate);
}

#[test]
fn row_13_does_not_hold_for_generation_0() {
    let mut first = bound();
    first.state.generation = 0;
    (first.state.rotated_at, first.state.delivered_at) = (None, None);
    let policy = rotating_after(DAY.unsigned_abs() * 1000);
    let (verdict, _) = presented(&first, (0, Proven), after(0), &policy);
    assert_eq!(verdict, RefreshVerdict::Rotate);
}

#[test]
fn row_13_is_there_without_a_window_if_it_is_asked_for() {
    let mut policy = rotating_after(HOUR.unsigned_abs());
    policy.reuse_window = Duration::ZERO;
    let at = |millis| presented(&bound(), (7, Proven), after(millis), &policy).0;
    assert_eq!(at(HOUR), RefreshVerdict::Current);
    assert_eq!(at(HOUR + 1), RefreshVerdict::Rotate);
    assert_eq!(at(-1), RefreshVerdict::Rotate);
    policy.rotate_bound_after = Duration::ZERO;
    let verdict = presented(&bound(), (7, Proven), after(1), &policy).0;
    assert_eq!(verdict, RefreshVerdict::Rotate);
}

#[test]
fn row_6_rotates_a_bound_session_and_keeps_its_key() {
    let (record, now) = (with_confirmed(bound()), after(2 * WINDOW + 1));
    for policy in policies() {
        let (verdict, written) = presented(&record, (7, Proven), now, &policy);
        assert_eq!(verdict, RefreshVerdict::Rotate);
        is_but_for(written, &record, now, |state| {
            state.generation = 8;
            state.confirmed_at = None;
            state.late = 0b11100;
            state.rotated_at = Some(now);
            state.delivered_at = Some(now);
            state.expires_at = now + RotationPolicy::default().idle_lifetime;
        });
    }
}

#[test]
fn row_6_refuses_the_last_generation_of_a_bound_session() {
    let mut last = bound();
    last.state.generation = u32::MAX;
    assert_eq!(proven(&last, u32::MAX, after(0)).0, RefreshVerdict::Current);
    let (verdict, written) = proven(&last, u32::MAX, after(HOUR));
    assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Exhausted));
    assert!(written.is_none());
    // Copies that are behind are still served.
    assert_eq!(proven(&last, 0, after(HOUR)).0, RefreshVerdict::Overtaken);
}

#[test]
fn row_14_any_passed_token_gets_the_live_one_and_writes_nothing() {
    for record in [bound(), with_confirmed(bound())] {
        for generation in 0..7 {
            for now in MOMENTS.map(after) {
                for policy in policies() {
                    let (verdict, written) = presented(&record, (generation, Proven), now, &policy);
                    assert_eq!(verdict, RefreshVerdict::Overtaken);
                    assert!(verdict.is_accepted() && written.is_none());
                }
            }
        }
    }
}

#[test]
fn row_11_a_bound_token_ahead_restores_the_session_and_keeps_its_key() {
    let (record, now) = (bound(), after(DAY * 1000));
    for policy in policies() {
        let exp = after(5 * DAY * 1000);
        let token = PresentedToken::new(9, exp, true).with_possession(Proven);
        let verdict = decide(&record, token, now, &policy);
        assert_eq!(verdict, RefreshVerdict::Restore);
        let written = verdict.apply(&record, token, now, &policy);
        is_but_for(written, &record, now, |state| {
            state.generation = 9;
            state.confirmed_at = Some(now);
            state.rotated_at = Some(now);
            state.delivered_at = Some(now);
            state.late = 0b111000;
            state.expires_at = exp;
        });
    }
}

#[test]
fn a_proof_alone_makes_no_session_bound() {
    // The store has lost the binding, and the token names the key. No row but the caller knows which.
    for (generation, verdict) in [
        (6, RefreshVerdict::Overtaken),
        (7, RefreshVerdict::Rotate),
        (8, RefreshVerdict::Restore),
    ] {
        let (decided, written) = proven(&record(), generation, after(HOUR));
        assert_eq!(decided, verdict);
        assert!(written.is_none_or(|state| state.bound_to.is_none()));
    }
}

/// Whatever is presented to a bound session: the whole table in a few lines.
#[test]
fn every_combination_goes_by_the_rows_of_bound_sessions() {
    let mut met = [0; 5];
    for (delivered_at, confirmed_at) in [(None, None), (Some(0), None), (Some(0), Some(WINDOW))] {
        for live in [0, 1, 7] {
            let mut record = bound();
            record.state.generation = live;
            record.state.delivered_at = delivered_at.map(after);
            record.state.confirmed_at = confirmed_at.map(after);
            for possession in [Unbound, Unproven, Proven] {
                for generation in [0, 1, 6, 7, 8, u32::MAX] {
                    for now in MOMENTS.map(after) {
                        for kept in [0, HOUR.unsigned_abs()] {
                            let mut policy = rotating_after(kept);
                            policy.strict = kept == 0;
                            let presented =
                                presented(&record, (generation, possession), now, &policy);
                            let row = expected(&record, (generation, possession), now, kept);
                            check(&record, row, presented);
                            met[row as usize] += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(met.iter().all(|times| *times > 0), "{met:?}");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Row6,
    Row11,
    Row12,
    Row13,
    Row14,
}

/// The table, from its description.
fn expected(
    record: &Record,
    (generation, possession): (u32, Possession),
    now: Timestamp,
    kept: u64,
) -> Expected {
    let state = &record.state;
    let kept = (2 * WINDOW).max(kept as i64);
    let since = state
        .delivered_at
        .map(|at| now.as_millis() - at.as_millis());
    if possession != Proven {
        Expected::Row12
    } else if generation < state.generation {
        Expected::Row14
    } else if generation > state.generation {
        Expected::Row11
    } else if generation >= 1 && since.is_some_and(|since| (-WINDOW..=kept).contains(&since)) {
        Expected::Row13
    } else {
        Expected::Row6
    }
}

#[track_caller]
fn check(
    record: &Record,
    row: Expected,
    (verdict, written): (RefreshVerdict, Option<SessionState>),
) {
    let live = record.state.generation;
    let is = match row {
        Expected::Row12 => RefreshVerdict::Refused(Refusal::Unproven),
        Expected::Row14 => RefreshVerdict::Overtaken,
        Expected::Row11 => RefreshVerdict::Restore,
        Expected::Row13 => RefreshVerdict::Current,
        Expected::Row6 => RefreshVerdict::Rotate,
    };
    assert_eq!(verdict, is);
    let is_confirmed = record.state.confirmed_at.is_some();
    let writes = match row {
        Expected::Row12 | Expected::Row14 => false,
        Expected::Row13 => !is_confirmed,
        Expected::Row6 | Expected::Row11 => true,
    };
    assert_eq!(written.is_some(), writes, "{row:?}");
    let Some(next) = written else {
        return;
    };
    assert_eq!(next.bound_to, Some(key()), "a binding is for ever");
    assert!(next.ended.is_none());
    assert!(next.version > record.state.version);
    match row {
        Expected::Row6 => assert_eq!(next.generation, live + 1),
        Expected::Row11 => assert!(next.generation > live),
        _ => assert_eq!(next.generation, live),
    }
}

fn with_confirmed(mut record: Record) -> Record {
    record.state.confirmed_at = Some(delivered());
    record
}
