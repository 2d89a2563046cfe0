//! Strict rotation: rows 5, 7 and 8 do not apply.

use super::*;

fn strict() -> RotationPolicy {
    let mut policy = RotationPolicy::default();
    policy.strict = true;
    policy
}

#[track_caller]
fn decided(record: &Record, generation: u32, now: Timestamp) -> RefreshVerdict {
    decide(record, token(record, generation), now, &strict())
}

const MOMENTS: [i64; 6] = [-WINDOW, -1, 0, 1, WINDOW, 60 * 60 * 1000];

#[test]
fn the_predecessor_is_reuse_at_once_and_whatever_is_confirmed() {
    let late = with(|record| record.state.confirmed_at = Some(after(WINDOW)));
    for record in [record(), confirmed(), late] {
        for now in MOMENTS.map(after) {
            let verdict = decided(&record, 6, now);
            assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::Strict), "{now:?}");
            let next = verdict.apply(&record, token(&record, 6), now, &strict());
            let ended = next.expect("a write").ended.expect("an end");
            assert_eq!(ended, Ended::new(now, EndReason::Reuse));
        }
    }
}

#[test]
fn an_older_token_is_reuse() {
    for generation in [0, 5] {
        let verdict = decided(&record(), generation, after(0));
        assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::Older));
    }
}

#[test]
fn the_live_token_is_never_redelivered() {
    for record in [record(), confirmed()] {
        for now in MOMENTS.map(after) {
            assert_eq!(decided(&record, 7, now), RefreshVerdict::Rotate, "{now:?}");
        }
    }
    let last = with(|record| record.state.generation = u32::MAX);
    let verdict = decided(&last, u32::MAX, after(0));
    assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Exhausted));
}

#[test]
fn no_window_and_no_budget_change_that() {
    let mut policy = strict();
    policy.reuse_window = Duration::from_secs(300);
    (policy.late_budget, policy.late_span) = (31, 32);
    let record = record();
    let verdict = decide(&record, token(&record, 6), after(0), &policy);
    assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::Strict));
}

#[test]
fn the_other_rows_hold() {
    let record = record();
    let forged = PresentedToken::new(6, record.state.expires_at, false);
    let verdict = decide(&record, forged, after(0), &strict());
    assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Forged));
    assert_eq!(decided(&record, 8, after(0)), RefreshVerdict::Restore);
    // An expired token ends nothing.
    let expired = PresentedToken::new(6, after(1), true);
    let verdict = decide(&record, expired, after(1), &strict());
    assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Expired));
    let ended = with(|record| record.state.ended = Some(Ended::new(after(0), EndReason::Logout)));
    assert_eq!(
        decided(&ended, 6, after(0)),
        RefreshVerdict::Refused(Refusal::Ended)
    );
}

#[test]
fn a_window_of_zero_is_not_strict() {
    let mut policy = RotationPolicy::default();
    policy.reuse_window = Duration::ZERO;
    let record = record();
    let verdict = decide(&record, token(&record, 6), after(60 * 60 * 1000), &policy);
    assert_eq!(verdict, RefreshVerdict::Late);
}
