//! Clocks and numbers at their ends.

use super::*;

#[test]
fn a_clock_that_jumped_back_opens_no_window() {
    let back = after(-WINDOW - 1);
    let confirmed = confirmed();
    assert_eq!(verdict(&confirmed, 7, back), RefreshVerdict::Rotate);
    assert_eq!(
        verdict(&confirmed, 6, back),
        RefreshVerdict::Reuse(Reuse::Confirmed)
    );
    assert_eq!(verdict(&record(), 6, back), RefreshVerdict::Late);
}

#[test]
fn a_version_is_above_the_last_and_no_less_than_the_time() {
    let now = after(1);
    let millis = now.as_millis().unsigned_abs();
    for (before, expected) in [
        (0, millis),
        (millis - 1, millis),
        (millis, millis + 1),
        (millis + 7, millis + 8),
        (u64::MAX, u64::MAX),
    ] {
        let record = with(|record| record.state.version = before);
        let next = written(&record, 7, now).expect("a write");
        assert_eq!(next.version, expected);
    }
    let before_1970 = written(&record(), 7, Timestamp::from_millis(-5)).expect("a write");
    assert_eq!(before_1970.version, record().state.version + 1);
}

#[test]
fn a_version_does_not_come_again_after_a_failover() {
    // The store falls back to what it was before a rotation, and rotates again.
    let (before, late) = (record(), 2 * WINDOW + 1);
    let lost = written(&before, 7, after(late)).expect("a write");
    let again = written(&before, 7, after(late + 1)).expect("a write");
    assert!(lost.version < again.version);
    assert!(lost.generation == again.generation);
}

#[test]
fn a_window_of_zero_is_no_window() {
    let mut policy = RotationPolicy::default();
    policy.reuse_window = Duration::ZERO;
    let record = confirmed();
    let at = |generation, now| decide(&record, token(&record, generation), now, &policy);
    assert_eq!(at(7, after(1)), RefreshVerdict::Rotate);
    assert_eq!(at(6, after(1)), RefreshVerdict::Reuse(Reuse::Confirmed));
}

#[test]
fn nothing_overflows() {
    let mut policy = RotationPolicy::default();
    policy.reuse_window = Duration::MAX;
    policy.idle_lifetime = Duration::MAX;
    for generation in [0, 1, 6, 7, 8, u32::MAX] {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            for delivered in [None, Some(i64::MIN), Some(i64::MAX)] {
                let record = with(|record| {
                    record.state.delivered_at = delivered.map(Timestamp::from_millis);
                    record.state.confirmed_at = record.state.delivered_at;
                    record.state.expires_at = Timestamp::from_millis(i64::MAX);
                    record.session.ends_at = Timestamp::from_millis(i64::MAX);
                    record.state.version = u64::MAX;
                });
                let (token, now) = (token(&record, generation), Timestamp::from_millis(at));
                let _ = decide(&record, token, now, &policy).apply(&record, token, now, &policy);
            }
        }
    }
}
