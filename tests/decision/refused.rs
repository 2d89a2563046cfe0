//! Rows 2 to 4: what is refused before anything is weighed.

use super::*;

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
    let unconfirmed = session();
    for (generation, session) in [
        (6, &confirmed()),
        (5, &unconfirmed),
        (5, &confirmed()),
        (0, &unconfirmed),
    ] {
        let token = Presented::genuine(session, generation, now);
        let verdict = decide(session, token, now, &Policy::default());
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
fn row_4_a_predecessor_of_one_just_confirmed_outlives_its_own_exp() {
    let confirmed_at = after(DAY * 1000);
    let session = with(|session| session.confirmed_at = Some(confirmed_at));
    for (since, expected) in [
        (WINDOW, Verdict::Late),
        (WINDOW + 1, Verdict::Refused(Refusal::Expired)),
    ] {
        let now = after(DAY * 1000 + since);
        let token = Presented::genuine(&session, 6, confirmed_at);
        let verdict = decide(&session, token, now, &Policy::default());
        assert_eq!(verdict, expected);
    }
}

#[test]
fn row_4_a_neighbour_outlives_its_own_exp() {
    for session in [session(), confirmed()] {
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
