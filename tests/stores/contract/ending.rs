//! End, list and clean-up.

use tower_bearer::store::{RevokeReason, Revoked, SessionStore, Swap};

use super::*;

pub(crate) async fn end_revokes_once<St: SessionStore>(setup: Setup<St>) {
    assert!(!setup.store.end(id(1), RevokeReason::Logout).await.unwrap());
    assert!(setup.find(id(1)).await.is_none());

    for (number, reason) in (1..).zip(RevokeReason::ALL) {
        let mut expected = full_session(number);
        expected.generation = 5;
        setup.insert(&expected).await;
        assert_eq!(
            setup.swap(0, &rotated(&expected, START)).await,
            Swap::Swapped
        );
        expected = rotated(&expected, START);

        setup.clock.advance(HOUR);
        let now = setup.store.now().await.unwrap();
        assert!(setup.store.end(expected.id, reason).await.unwrap());
        expected.revoked = Some(Revoked::new(now, reason));
        expected.version = 2;
        assert!(setup.load(expected.id).await == expected);

        // The first reason and time stay.
        setup.clock.advance(HOUR);
        assert!(
            !setup
                .store
                .end(expected.id, RevokeReason::Refused)
                .await
                .unwrap()
        );
        assert!(setup.load(expected.id).await == expected);
    }
}

pub(crate) async fn end_all_takes_one_subject_of_one_issuer<St: SessionStore>(setup: Setup<St>) {
    for number in 1..=150 {
        setup.insert(&session(number, "ada")).await;
    }
    setup.insert(&session(200, "adam")).await;
    setup.insert(&session(201, "Ada")).await;
    let mut elsewhere = session(202, "ada");
    elsewhere.issuer = "https://other.example".to_owned();
    setup.insert(&elsewhere).await;
    let mut expired = session(203, "ada");
    expired.expires_at = START;
    setup.insert(&expired).await;
    assert!(setup.store.end(id(7), RevokeReason::Reuse).await.unwrap());

    setup.clock.advance(Duration::from_millis(5));
    let mut ended = setup
        .store
        .end_all(ISSUER, "ada", RevokeReason::Logout)
        .await
        .unwrap();
    ended.sort();
    // The expired one too: whoever looks at it must see why it is gone.
    let all: Vec<_> = (1..=150)
        .filter(|&number| number != 7)
        .chain([203])
        .map(id)
        .collect();
    assert_eq!(ended, all);
    for &id in &ended {
        let kept = setup.load(id).await;
        let at = START + Duration::from_millis(5);
        assert_eq!(kept.revoked, Some(Revoked::new(at, RevokeReason::Logout)));
        assert_eq!(kept.version, 1);
    }
    assert_eq!(
        setup.load(id(7)).await.revoked.unwrap().reason,
        RevokeReason::Reuse
    );
    for untouched in [200, 201, 202] {
        assert_eq!(
            setup.load(id(untouched)).await.revoked,
            None,
            "session {untouched}"
        );
    }

    assert_eq!(
        setup
            .store
            .end_all(ISSUER, "ada", RevokeReason::Logout)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        setup
            .store
            .end_all(ISSUER, "nobody", RevokeReason::Logout)
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn a_list_shows_live_sessions_only<St: SessionStore>(setup: Setup<St>) {
    let millisecond = Duration::from_millis(1);
    let full = full_session(1);
    let mut idle = session(2, &full.subject);
    idle.expires_at = START + millisecond;
    let mut over = session(3, &full.subject);
    over.ends_at = START + millisecond;
    let mut revoked = session(4, &full.subject);
    let mut elsewhere = session(5, &full.subject);
    let other = session(6, "ada");
    for session in [&mut idle, &mut over, &mut revoked] {
        session.issuer.clone_from(&full.issuer);
    }
    elsewhere.issuer = "https://other.example".to_owned();
    for session in [&full, &idle, &over, &revoked, &elsewhere, &other] {
        setup.insert(session).await;
    }
    assert!(
        setup
            .store
            .end(revoked.id, RevokeReason::Logout)
            .await
            .unwrap()
    );

    let list = || setup.store.list(&full.issuer, &full.subject, None, 100);
    assert!(list().await.unwrap().sessions == [full.clone(), idle.clone(), over.clone()]);
    setup.clock.advance(millisecond);
    let listed = list().await.unwrap();
    assert!(
        listed.sessions == [full.clone()],
        "ends are exclusive: {listed:?}"
    );
    assert_eq!(listed.now, START + millisecond);

    let of_the_other = setup
        .store
        .list(&elsewhere.issuer, &full.subject, None, 9)
        .await
        .unwrap();
    assert!(of_the_other.sessions == [elsewhere]);
}

pub(crate) async fn a_list_is_paged_by_identifier<St: SessionStore>(setup: Setup<St>) {
    // Neither in order of insertion nor of time, and numbers that differ in far bytes.
    let numbers = [5, 3 << 120, 1, 256, 0, u128::MAX, 2 << 64];
    for number in numbers {
        setup.insert(&session(number, "ada")).await;
    }
    assert!(setup.store.end(id(5), RevokeReason::Logout).await.unwrap());
    let page = async |after: Option<u128>, limit| -> Vec<SessionId> {
        let listed = setup
            .store
            .list(ISSUER, "ada", after.map(id), limit)
            .await
            .unwrap();
        listed.sessions.iter().map(|session| session.id).collect()
    };

    let all = [0, 1, 256, 2 << 64, 3 << 120, u128::MAX].map(id);
    assert_eq!(page(None, usize::MAX).await, all);
    assert_eq!(page(None, 0).await, []);
    assert_eq!(page(None, 3).await, all[..3]);
    assert_eq!(page(Some(256), 2).await, all[3..5]);
    // Neither a dead nor an unknown identifier is in the way.
    assert_eq!(page(Some(5), 1).await, all[2..3]);
    assert_eq!(page(Some(77), 1).await, all[2..3]);
    assert_eq!(page(Some(u128::MAX), 1).await, []);
}

pub(crate) async fn ten_thousand_sessions_are_listed_by_pages<St: SessionStore>(setup: Setup<St>) {
    const COUNT: u128 = 10_000;
    for number in 0..COUNT {
        setup.insert(&session(number, "ada")).await;
    }
    let mut seen = Vec::new();
    while let listed = setup
        .store
        .list(ISSUER, "ada", seen.last().copied(), 999)
        .await
        .unwrap()
        && !listed.sessions.is_empty()
    {
        assert!(listed.sessions.len() <= 999);
        seen.extend(listed.sessions.iter().map(|session| session.id));
    }
    assert_eq!(seen, (0..COUNT).map(id).collect::<Vec<_>>());
}

pub(crate) async fn what_has_ended_is_deleted_oldest_end_first<St: SessionStore>(setup: Setup<St>) {
    // Session n ends n minutes after the start; they come in another order.
    let minute = Duration::from_secs(60);
    for number in [4, 2, 5, 1, 3] {
        let mut session = session(number, "ada");
        session.ends_at = START + minute * number as u32;
        // Neither an idle nor a revoked session goes before its end.
        session.expires_at = START;
        setup.insert(&session).await;
    }
    assert!(setup.store.end(id(5), RevokeReason::Logout).await.unwrap());
    let left = async || {
        let mut left = Vec::new();
        for number in 1..=5 {
            left.extend(setup.find(id(number)).await.map(|_| number));
        }
        left
    };

    setup.clock.advance(minute - Duration::from_millis(1));
    assert_eq!(setup.store.delete_expired(10).await.unwrap(), 0);
    setup.clock.advance(Duration::from_millis(1));
    assert_eq!(setup.store.delete_expired(0).await.unwrap(), 0);
    assert_eq!(setup.store.delete_expired(10).await.unwrap(), 1);
    assert_eq!(left().await, [2, 3, 4, 5]);
    setup.clock.advance(3 * minute);
    assert_eq!(setup.store.delete_expired(2).await.unwrap(), 2);
    assert_eq!(left().await, [4, 5]);
    setup.clock.advance(minute);
    assert_eq!(setup.store.delete_expired(10).await.unwrap(), 2);
    assert_eq!(left().await, []);
}

pub(crate) async fn no_more_than_the_limit_is_deleted<St: SessionStore>(setup: Setup<St>) {
    for number in 0..1_000 {
        setup
            .insert(&session(number, &format!("user {}", number % 3)))
            .await;
    }
    setup.clock.advance(2 * HOUR);
    for (limit, deleted) in [(1, 1), (256, 256), (600, 600), (usize::MAX, 143), (9, 0)] {
        assert_eq!(setup.store.delete_expired(limit).await.unwrap(), deleted);
    }
    for number in 0..1_000 {
        assert!(setup.find(id(number)).await.is_none());
    }
}

pub(crate) async fn a_deleted_identifier_is_free_again<St: SessionStore>(setup: Setup<St>) {
    setup.insert(&session(1, "ada")).await;
    setup.clock.advance(2 * HOUR);
    assert_eq!(setup.store.delete_expired(1).await.unwrap(), 1);

    let mut again = session(1, "eve");
    again.ends_at = START + 4 * HOUR;
    again.expires_at = again.ends_at;
    setup.insert(&again).await;
    assert_eq!(setup.live("ada").await, []);
    assert_eq!(setup.live("eve").await, [id(1)]);
    assert_eq!(
        setup
            .store
            .end_all(ISSUER, "ada", RevokeReason::Logout)
            .await
            .unwrap(),
        []
    );
    assert_eq!(setup.store.delete_expired(1).await.unwrap(), 0);
    assert!(setup.load(id(1)).await == again);
}
