//! Nobody but the primary is believed.

use super::*;

/// The server takes no writes, and no answer of the store's comes from it.
async fn nothing_works(store: &MySqlStore, known: &Record) {
    let outcomes = [
        store.now().await.map(drop),
        store.load(known.session.id).await.map(drop),
        store.load(id(404)).await.map(drop),
        store.list(ISSUER, "ada", None, 9).await.map(drop),
        store
            .ended_since(known.session.created_at, None, 9)
            .await
            .map(drop),
        store.insert(known).await,
        store
            .swap(known.session.id, 0, &rotated(known).state)
            .await
            .map(drop),
        store.confirm(&[(known.session.id, 0)]).await,
        store
            .end(known.session.id, EndReason::Logout)
            .await
            .map(drop),
        store
            .end_all(ISSUER, "ada", None, EndReason::Logout)
            .await
            .map(drop),
        store.delete_expired(9).await.map(drop),
    ];
    for outcome in outcomes {
        let error = outcome.expect_err("the server is read-only");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn a_replica_is_refused() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    kept(&open(&server.url()).await, 1, "ada").await;
    let replica = server.replica().await;
    let why = "its server is read-only: it takes the primary";
    assert_eq!(refused(MySqlStore::connect(&replica.url())).await, why);

    kept(&open(&server.url()).await, 2, "eve").await;
    let sessions = "SELECT COUNT(*) FROM app.tower_bearer_sessions";
    let deadline = Instant::now() + Duration::from_secs(60);
    while told::<i64>(&replica, sessions).await < 2 {
        assert!(Instant::now() < deadline, "the replica does not follow");
    }
    replica.promote().await;
    let promoted = open(&replica.url()).await;
    assert_eq!(load(&promoted, 2).await.session.subject, "eve");
}

#[tokio::test]
async fn a_primary_that_was_demoted_is_not_believed() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), MySqlOptions::new().max_connections(1)).await;
    let first = kept(&store, 1, "ada").await;
    let before = connections(&server).await;
    server.run("SET GLOBAL read_only = 1").await;
    nothing_works(&store, &first).await;
    server.run("SET GLOBAL read_only = 0").await;
    assert!(load(&store, 1).await == first);
    let next = rotated(&first);
    assert_eq!(
        store
            .swap(next.session.id, 0, &next.state)
            .await
            .expect("it swaps"),
        Swap::Swapped
    );
    assert_ne!(
        connections(&server).await,
        before,
        "it was a new connection"
    );
}

/// Somebody who logs out there would stay logged in at the primary.
#[tokio::test]
async fn a_logout_at_a_replica_that_knows_no_session_fails() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    server.run("SET GLOBAL read_only = 1").await;
    let ended = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
    assert_eq!(kind(ended), StoreErrorKind::Unavailable);
}
