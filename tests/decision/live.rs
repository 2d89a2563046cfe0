//! Rows 5, 6 and 11: the live token, and one that is ahead of the store.

use super::*;

#[test]
fn row_5_holds_for_twice_the_window_and_confirms() {
    let session = session();
    for now in [after(-WINDOW), after(0), after(2 * WINDOW)] {
        assert_eq!(verdict(&session, 7, now), Verdict::Current);
        writes(&session, 7, now, |session| session.confirmed_at = Some(now));
    }
    assert_eq!(verdict(&session, 7, after(2 * WINDOW + 1)), Verdict::Rotate);
}

#[test]
fn row_5_writes_nothing_once_confirmed() {
    let session = confirmed();
    assert_eq!(verdict(&session, 7, after(1)), Verdict::Current);
    writes_nothing(&session, 7, after(1));
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
        session.confirmed_at = Some(delivered());
        session.late = 0b1001;
    });
    let now = after(2 * WINDOW + 1);
    writes(&session, 7, now, |session| {
        session.generation = 8;
        session.confirmed_at = None;
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
