//! Rows 5, 6 and 11: the live token, and one that is ahead of the store.

use super::*;

#[test]
fn row_5_holds_for_twice_the_window_and_confirms() {
    let record = record();
    for now in [after(-WINDOW), after(0), after(2 * WINDOW)] {
        assert_eq!(verdict(&record, 7, now), RefreshVerdict::Current);
        writes(&record, 7, now, |state| state.confirmed_at = Some(now));
    }
    assert_eq!(
        verdict(&record, 7, after(2 * WINDOW + 1)),
        RefreshVerdict::Rotate
    );
}

#[test]
fn row_5_writes_nothing_once_confirmed() {
    let record = confirmed();
    assert_eq!(verdict(&record, 7, after(1)), RefreshVerdict::Current);
    writes_nothing(&record, 7, after(1));
}

#[test]
fn row_5_does_not_hold_for_generation_0() {
    let record = with(|record| {
        record.state.generation = 0;
        record.state.rotated_at = None;
        record.state.delivered_at = None;
    });
    assert_eq!(verdict(&record, 0, after(0)), RefreshVerdict::Rotate);
}

#[test]
fn row_6_rotates() {
    let record = with(|record| {
        record.state.confirmed_at = Some(delivered());
        record.state.late = 0b1001;
    });
    let now = after(2 * WINDOW + 1);
    writes(&record, 7, now, |state| {
        state.generation = 8;
        state.confirmed_at = None;
        state.late = 0b10010;
        state.rotated_at = Some(now);
        state.delivered_at = Some(now);
        state.expires_at = now + RotationPolicy::default().idle_lifetime;
    });
}

#[test]
fn row_6_never_passes_ends_at() {
    let now = after(29 * DAY * 1000);
    let record = record();
    let next = written(&record, 7, now).expect("a write");
    assert_eq!(next.expires_at, record.session.ends_at);
}

#[test]
fn row_6_refuses_the_last_generation() {
    let record = with(|record| record.state.generation = u32::MAX);
    assert_eq!(
        verdict(&record, u32::MAX, after(0)),
        RefreshVerdict::Current
    );
    let late = after(2 * WINDOW + 1);
    assert_eq!(
        verdict(&record, u32::MAX, late),
        RefreshVerdict::Refused(Refusal::Exhausted)
    );
    writes_nothing(&record, u32::MAX, late);
    let before = with(|record| record.state.generation = u32::MAX - 1);
    assert_eq!(
        written(&before, u32::MAX - 1, late)
            .expect("a write")
            .generation,
        u32::MAX
    );
}

#[test]
fn row_11_a_token_ahead_restores_the_session() {
    for (ahead, late, shifted) in [
        (1, 0b11, 0b110),
        (31, 0b11, 1 << 31),
        (32, 0b11, 0),
        (4000, 1, 0),
    ] {
        let record = with(|record| record.state.late = late);
        let exp = after(5 * DAY * 1000);
        let token = PresentedToken::new(7 + ahead, exp, true);
        let (now, policy) = (after(DAY * 1000), RotationPolicy::default());
        assert_eq!(
            decide(&record, token, now, &policy),
            RefreshVerdict::Restore
        );
        let next = RefreshVerdict::Restore
            .apply(&record, token, now, &policy)
            .expect("a write");
        let mut expected = record.state.clone();
        expected.generation = 7 + ahead;
        expected.confirmed_at = Some(now);
        expected.rotated_at = Some(now);
        expected.delivered_at = Some(now);
        expected.last_refreshed_at = Some(now);
        expected.expires_at = exp;
        expected.late = shifted;
        expected.version = now.as_millis().unsigned_abs();
        assert!(next == expected, "{next:?}");
    }
}

#[test]
fn row_11_holds_though_the_stores_expiry_has_passed_and_never_passes_ends_at() {
    let record = record();
    let now = after(31 * DAY * 1000);
    let token = PresentedToken::new(8, after(90 * DAY * 1000), true);
    assert_eq!(
        decide(&record, token, now, &RotationPolicy::default()),
        RefreshVerdict::Restore
    );
    let next = RefreshVerdict::Restore
        .apply(&record, token, now, &RotationPolicy::default())
        .expect("a write");
    assert_eq!(next.expires_at, record.session.ends_at);
}

#[test]
fn row_11_the_last_generation_ahead_does_not_wrap() {
    let record = with(|record| record.state.generation = 0);
    assert_eq!(
        verdict(&record, u32::MAX, after(0)),
        RefreshVerdict::Restore
    );
}
