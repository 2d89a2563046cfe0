//! Nobody but the primary is believed.

use super::*;

/// The server takes no writes, and no answer of the store's comes from it.
async fn nothing_works(store: &PostgresStore, known: &Record) {
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
async fn a_standby_is_refused() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let why = "its server is read-only: it takes the primary";
    let empty = server.standby().await;
    assert_eq!(refused(PostgresStore::connect(&empty.url())).await, why);
    kept(&open(&server.url()).await, 1, "ada").await;
    let standby = server.standby().await;
    assert_eq!(refused(PostgresStore::connect(&standby.url())).await, why);

    server.run("SELECT pg_catalog.pg_switch_wal()").await;
    standby.promote().await;
    assert_eq!(
        load(&open(&standby.url()).await, 1).await.session.subject,
        "ada"
    );
}

#[tokio::test]
async fn a_primary_that_was_demoted_is_not_believed() {
    let Some(mut server) = Postgres::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let first = kept(&store, 1, "ada").await;
    server.stop();
    server.demote();
    server.restart().await;
    nothing_works(&store, &first).await;
    server.promote().await;
    assert!(load(&store, 1).await == first);
    let next = rotated(&first);
    assert_eq!(
        store
            .swap(next.session.id, 0, &next.state)
            .await
            .expect("it swaps"),
        Swap::Swapped
    );
}

#[tokio::test]
async fn a_connection_that_has_become_read_only_is_dropped() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let url = server.database("app").await;
    let store = open_with(&url, PostgresOptions::new().max_connections(1)).await;
    let first = kept(&store, 1, "ada").await;
    let connection = "SELECT pid FROM pg_stat_activity WHERE datname = 'app'";
    let before: i32 = told(&server, connection).await;
    assert_eq!(told::<i32>(&server, connection).await, before);

    server
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    server.run("SELECT pg_reload_conf()").await;
    // The server's processes look at their configuration when they next get something to do.
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.load(id(1)).await.is_ok() {
        assert!(Instant::now() < deadline, "it is still believed");
    }
    nothing_works(&store, &first).await;
    let mut superuser = server.connection().await;
    run(&mut superuser, "SET default_transaction_read_only = off").await;
    run(
        &mut superuser,
        "ALTER SYSTEM RESET default_transaction_read_only",
    )
    .await;
    run(&mut superuser, "SELECT pg_reload_conf()").await;
    while store.load(id(1)).await.is_err() {
        assert!(Instant::now() < deadline, "it is not believed again");
    }
    assert_ne!(told::<i32>(&server, connection).await, before);
    assert!(load(&store, 1).await == first);
}
