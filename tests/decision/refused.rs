//! Rows 2 to 4: what is refused before anything is weighed.

use super::*;

#[test]
fn row_2_a_jti_that_is_not_the_secrets_is_forged() {
    for generation in [0, 6, 7, 8] {
        let record = record();
        let mut token = token(&record, generation);
        token.is_genuine = false;
        let verdict = decide(&record, token, after(0), &RotationPolicy::default());
        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Forged));
        assert!(
            verdict
                .apply(&record, token, after(0), &RotationPolicy::default())
                .is_none()
        );
    }
}

#[test]
fn row_2_a_forged_token_is_not_told_that_the_session_is_over() {
    let ended = Ended::new(delivered(), EndReason::Logout);
    let over = with(|over| over.state.ended = Some(ended));
    let mut token = token(&over, 7);
    token.is_genuine = false;
    for now in [after(0), after(60 * DAY * 1000)] {
        let verdict = decide(&over, token, now, &RotationPolicy::default());
        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Forged));
    }
}

#[test]
fn row_3_revoked_comes_before_any_leniency() {
    let ended = Ended::new(delivered(), EndReason::Logout);
    let record = with(|record| record.state.ended = Some(ended));
    for generation in [0, 6, 7, 8] {
        for now in [after(0), after(WINDOW), after(60 * DAY * 1000)] {
            assert_eq!(
                verdict(&record, generation, now),
                RefreshVerdict::Refused(Refusal::Ended)
            );
        }
        writes_nothing(&record, generation, after(0));
    }
}

#[test]
fn row_4_the_live_token_dies_at_expires_at() {
    let record = record();
    let end = record.state.expires_at;
    let before = Timestamp::from_millis(end.as_millis() - 1);
    assert_eq!(verdict(&record, 7, before), RefreshVerdict::Rotate);
    assert_eq!(
        verdict(&record, 7, end),
        RefreshVerdict::Refused(Refusal::Expired)
    );
    assert_eq!(
        verdict(&record, 6, end),
        RefreshVerdict::Refused(Refusal::Expired)
    );
    assert_eq!(
        verdict(&record, 5, end),
        RefreshVerdict::Refused(Refusal::Expired)
    );
    writes_nothing(&record, 5, end);
}

#[test]
fn row_4_every_token_dies_at_ends_at() {
    let record = record();
    let end = record.session.ends_at;
    for generation in [0, 6, 7, 8] {
        let token = PresentedToken::new(generation, end + Duration::from_secs(1), true);
        let verdict = decide(&record, token, end, &RotationPolicy::default());
        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Expired));
    }
}

#[test]
fn row_4_an_expired_old_token_never_revokes() {
    let now = after(20 * DAY * 1000);
    let unconfirmed = record();
    for (generation, record) in [
        (6, &confirmed()),
        (5, &unconfirmed),
        (5, &confirmed()),
        (0, &unconfirmed),
    ] {
        let token = PresentedToken::new(generation, now, true);
        let verdict = decide(record, token, now, &RotationPolicy::default());
        assert_eq!(verdict, RefreshVerdict::Refused(Refusal::Expired));
    }
}

#[test]
fn row_4_an_unconfirmed_predecessor_outlives_its_own_exp() {
    let record = record();
    let now = after(20 * DAY * 1000);
    let token = PresentedToken::new(6, now, true);
    assert_eq!(
        decide(&record, token, now, &RotationPolicy::default()),
        RefreshVerdict::Late
    );
}

#[test]
fn row_4_a_predecessor_of_one_just_confirmed_outlives_its_own_exp() {
    let confirmed_at = after(DAY * 1000);
    let record = with(|record| record.state.confirmed_at = Some(confirmed_at));
    for (since, expected) in [
        (WINDOW, RefreshVerdict::Late),
        (WINDOW + 1, RefreshVerdict::Refused(Refusal::Expired)),
    ] {
        let now = after(DAY * 1000 + since);
        let token = PresentedToken::new(6, confirmed_at, true);
        let verdict = decide(&record, token, now, &RotationPolicy::default());
        assert_eq!(verdict, expected);
    }
}

#[test]
fn row_4_a_neighbour_outlives_its_own_exp() {
    for record in [record(), confirmed()] {
        let token = PresentedToken::new(6, after(WINDOW / 2), true);
        let verdict = decide(&record, token, after(WINDOW), &RotationPolicy::default());
        assert_eq!(verdict, RefreshVerdict::Neighbour);
    }
}

#[test]
fn row_4_an_unconfirmed_predecessor_that_outlived_its_exp_is_reuse_once_the_budget_is_spent() {
    let record = with(|record| record.state.late = 0b1110);
    let now = after(DAY * 1000);
    let token = PresentedToken::new(6, now, true);
    let verdict = decide(&record, token, now, &RotationPolicy::default());
    assert_eq!(verdict, RefreshVerdict::Reuse(Reuse::BudgetSpent));
}

#[test]
fn row_4_a_token_ahead_dies_at_its_own_exp() {
    let record = record();
    let now = after(DAY * 1000);
    let dead = PresentedToken::new(8, now, true);
    assert_eq!(
        decide(&record, dead, now, &RotationPolicy::default()),
        RefreshVerdict::Refused(Refusal::Expired)
    );
    let alive = PresentedToken::new(8, Timestamp::from_millis(now.as_millis() + 1), true);
    assert_eq!(
        decide(&record, alive, now, &RotationPolicy::default()),
        RefreshVerdict::Restore
    );
}
