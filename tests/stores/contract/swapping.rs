//! Compare-and-swap, one caller at a time.

use tower_bearer::store::{RevokeReason, Revoked, SessionStore, Swap};

use super::*;

pub(crate) async fn a_swap_writes_the_next_session<St: SessionStore>(setup: Setup<St>) {
    let mut first = full_session(1);
    first.generation = 40;
    setup.insert(&first).await;

    let next = rotated(&first, START + HOUR);
    assert_eq!(setup.swap(0, &next).await, Swap::Swapped);
    assert!(setup.load(first.id).await == next);

    // What can be nothing becomes nothing again.
    let mut empty = rotated(&next, START);
    (
        empty.rotated_at,
        empty.delivered_at,
        empty.last_refreshed_at,
    ) = (None, None, None);
    (empty.generation, empty.late, empty.confirmed_at) = (0, 0, Some(START));
    assert_eq!(setup.swap(1, &empty).await, Swap::Swapped);
    assert!(setup.load(first.id).await == empty);
}

pub(crate) async fn a_swap_of_another_version_is_lost<St: SessionStore>(setup: Setup<St>) {
    let first = session(1, "ada");
    setup.insert(&first).await;
    let second = rotated(&first, START);
    assert_eq!(setup.swap(0, &second).await, Swap::Swapped);

    for wrong in [0, 2, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1] {
        let mut next = rotated(&second, START + HOUR);
        next.version = wrong + 1;
        assert_eq!(
            setup.swap(wrong, &next).await,
            Swap::Lost,
            "version {wrong}"
        );
    }
    assert!(setup.load(first.id).await == second);

    // A confirmation and an end count as versions too.
    setup.store.confirm(&[(first.id, 1)]).await.unwrap();
    assert_eq!(setup.swap(1, &rotated(&second, START)).await, Swap::Lost);
    let confirmed = setup.load(first.id).await;
    assert_eq!(
        setup.swap(2, &rotated(&confirmed, START)).await,
        Swap::Swapped
    );
}

pub(crate) async fn a_swap_of_a_revoked_session_is_lost<St: SessionStore>(setup: Setup<St>) {
    setup.insert(&session(1, "ada")).await;
    assert!(setup.store.end(id(1), RevokeReason::Logout).await.unwrap());
    let revoked = setup.load(id(1)).await;

    let mut revived = rotated(&revoked, START);
    revived.revoked = None;
    for expected in [0, 1] {
        revived.version = expected + 1;
        assert_eq!(setup.swap(expected, &revived).await, Swap::Lost);
    }
    assert!(setup.load(id(1)).await == revoked);
}

pub(crate) async fn a_swap_never_creates_a_session<St: SessionStore>(setup: Setup<St>) {
    let unknown = session(1, "ada");
    assert_eq!(setup.swap(0, &rotated(&unknown, START)).await, Swap::Lost);
    assert!(setup.find(id(1)).await.is_none());
    assert_eq!(setup.live("ada").await, []);

    setup.insert(&unknown).await;
    setup.clock.advance(2 * HOUR);
    assert_eq!(setup.store.delete_expired(1).await.unwrap(), 1);
    assert_eq!(setup.swap(0, &rotated(&unknown, START)).await, Swap::Lost);
    setup.store.confirm(&[(id(1), 0)]).await.unwrap();
    assert!(setup.find(id(1)).await.is_none());
}

pub(crate) async fn a_swap_can_revoke_for_every_reason<St: SessionStore>(setup: Setup<St>) {
    for (number, reason) in (1..).zip(RevokeReason::ALL) {
        let first = session(number, "ada");
        setup.insert(&first).await;
        let mut next = rotated(&first, START);
        next.revoked = Some(Revoked::new(START + HOUR, reason));
        assert_eq!(setup.swap(0, &next).await, Swap::Swapped);
        assert!(setup.load(first.id).await == next);

        assert_eq!(setup.swap(1, &rotated(&next, START)).await, Swap::Lost);
        assert!(
            !setup
                .store
                .end(first.id, RevokeReason::Logout)
                .await
                .unwrap()
        );
        assert!(setup.load(first.id).await == next);
    }
    assert_eq!(setup.live("ada").await, []);
}
