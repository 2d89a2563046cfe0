//! Insert, load and confirm.

use tower_bearer::store::{RevokeReason, SessionStore, StoreErrorKind};

use super::*;

pub(crate) async fn a_session_is_kept_as_it_was_given<St: SessionStore>(setup: Setup<St>) {
    for given in [session(1, "ada"), full_session(2), session(u128::MAX, "")] {
        setup.insert(&given).await;
        let kept = setup.load(given.id).await;
        assert_eq!(kept.metadata, given.metadata);
        assert_eq!(kept.claims, given.claims);
        assert_eq!(kept.scope.as_str(), given.scope.as_str());
        assert!(kept == given, "{given:?} was changed to {kept:?}");
    }
}

pub(crate) async fn a_new_session_is_at_version_0<St: SessionStore>(setup: Setup<St>) {
    let mut given = session(1, "ada");
    given.version = 7;
    setup.insert(&given).await;
    assert_eq!(setup.load(given.id).await.version, 0);
}

pub(crate) async fn a_taken_identifier_is_a_duplicate<St: SessionStore>(setup: Setup<St>) {
    let first = session(1, "ada");
    setup.insert(&first).await;

    let error = setup
        .store
        .insert(&session(1, "mallory"))
        .await
        .expect_err("a duplicate");
    assert_eq!(error.kind(), StoreErrorKind::Duplicate);
    assert!(setup.load(first.id).await == first);
    assert_eq!(setup.live("ada").await, [first.id]);
    assert_eq!(setup.live("mallory").await, []);

    // An ended session holds its identifier too.
    assert!(
        setup
            .store
            .end(first.id, RevokeReason::Logout)
            .await
            .unwrap()
    );
    let error = setup.store.insert(&first).await.expect_err("a duplicate");
    assert_eq!(error.kind(), StoreErrorKind::Duplicate);
    assert!(setup.load(first.id).await.revoked.is_some());
}

pub(crate) async fn a_load_tells_the_stores_time<St: SessionStore>(setup: Setup<St>) {
    setup.clock.advance(HOUR);
    let loaded = setup.store.load(id(1)).await.unwrap();
    assert!(loaded.session.is_none());
    assert_eq!(loaded.now, START + HOUR);
    assert_eq!(setup.store.now().await.unwrap(), START + HOUR);
    assert_eq!(
        setup.store.list(ISSUER, "ada", None, 1).await.unwrap().now,
        START + HOUR
    );
}

pub(crate) async fn confirm_takes_only_what_fits<St: SessionStore>(setup: Setup<St>) {
    let mut of_generation_3 = session(1, "ada");
    of_generation_3.generation = 3;
    let revoked = session(2, "ada");
    let mut confirmed = session(3, "ada");
    confirmed.confirmed_at = Some(START);
    let mut last = session(4, "ada");
    last.generation = u32::MAX;
    for session in [&of_generation_3, &revoked, &confirmed, &last] {
        setup.insert(session).await;
    }
    assert!(
        setup
            .store
            .end(revoked.id, RevokeReason::Logout)
            .await
            .unwrap()
    );

    let misfits = [(id(1), 2), (id(1), 4), (id(2), 0), (id(3), 0), (id(9), 0)];
    let before = [
        setup.load(id(1)).await,
        setup.load(id(2)).await,
        setup.load(id(3)).await,
    ];
    setup.store.confirm(&[]).await.unwrap();
    setup.store.confirm(&misfits).await.unwrap();
    for kept in before {
        assert!(setup.load(kept.id).await == kept, "{kept:?} was changed");
    }
    assert!(setup.find(id(9)).await.is_none());

    // A pair that comes twice counts once, and misfits do not hold it up. The time is the
    // store's.
    setup.clock.advance(HOUR);
    setup
        .store
        .confirm(&[(id(1), 2), (id(1), 3), (id(1), 3), (id(4), u32::MAX)])
        .await
        .unwrap();
    of_generation_3.confirmed_at = Some(START + HOUR);
    of_generation_3.version = 1;
    assert!(setup.load(id(1)).await == of_generation_3);
    last.confirmed_at = Some(START + HOUR);
    last.version = 1;
    assert!(setup.load(id(4)).await == last);
}

pub(crate) async fn confirm_takes_large_batches<St: SessionStore>(setup: Setup<St>) {
    const COUNT: u128 = 700;
    for number in 0..COUNT {
        setup.insert(&session(number, "ada")).await;
    }
    // Every third does not fit.
    let pairs: Vec<_> = (0..COUNT)
        .map(|number| (id(number), u32::from(number % 3 == 0)))
        .collect();
    setup.store.confirm(&pairs).await.unwrap();
    for number in 0..COUNT {
        let kept = setup.load(id(number)).await;
        assert_eq!(
            (kept.confirmed_at.is_some(), kept.version),
            (number % 3 != 0, u64::from(number % 3 != 0))
        );
    }
}
