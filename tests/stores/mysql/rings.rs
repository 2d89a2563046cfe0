//! What is of key rings alone: their table, the rights to it, its rows, their locks.

use super::*;

const RINGS: &str = "app.tower_bearer_sessions_rings";

fn ring(version: u64) -> SealedRing {
    SealedRing::new(version, version.to_be_bytes()).expect("it is short")
}

/// Loads a ring, and swaps it for the first one.
async fn both(store: &MySqlStore) -> [Result<(), StoreError>; 2] {
    [
        store.load_ring("ring").await.map(drop),
        store.swap_ring("ring", None, &ring(1)).await.map(drop),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_of_before_get_one_for_rings() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    kept(&open(&server.url()).await, 1, "ada").await;
    server
        .run(&format!(
            "DROP TABLE {RINGS}; UPDATE app.tower_bearer_sessions_version SET version = 5;
            CREATE USER poor; GRANT SELECT ON app.tower_bearer_sessions_version TO poor"
        ))
        .await;
    let poor = server.url().replace("app@", "poor@");
    let why = "the user may not make or read its tables";
    assert_eq!(refused(MySqlStore::connect(&poor)).await, why);

    let mut opening = JoinSet::new();
    for _ in 0..8 {
        let url = server.url();
        opening.spawn(async move { open(&url).await });
    }
    let stores = opening.join_all().await;
    let versions = "SELECT CAST(SUM(version) AS SIGNED) FROM app.tower_bearer_sessions_version";
    assert_eq!(told::<i64>(&server, versions).await, 6);
    load(&stores[0], 1).await;
    for store in &stores {
        let swap = store.swap_ring("ring", None, &ring(1)).await;
        let _ = swap.expect("it swaps");
    }
    let kept = open(&server.url()).await.load_ring("ring").await;
    assert_eq!(kept.expect("it loads").ring, Some(ring(1)));
    MySqlStore::connect(&poor).await.expect("it opens");
}

#[tokio::test]
async fn a_user_needs_rights_to_the_table_only_for_rings() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    open(&server.url()).await;
    server
        .run(
            "CREATE USER poor; GRANT SELECT ON app.tower_bearer_sessions_version TO poor;
            GRANT SELECT, INSERT, UPDATE, DELETE ON app.tower_bearer_sessions TO poor",
        )
        .await;
    let store = open(&server.url().replace("app@", "poor@")).await;
    for outcome in both(&store).await {
        assert_eq!(kind(outcome), StoreErrorKind::Unavailable);
    }
    kept(&store, 1, "ada").await;
    server
        .run(&format!("GRANT SELECT, INSERT, UPDATE ON {RINGS} TO poor"))
        .await;
    for outcome in both(&store).await {
        outcome.expect("it has the right");
    }
    let swap = store.swap_ring("ring", Some(1), &ring(2)).await;
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    server.run(&format!("DROP TABLE {RINGS}")).await;
    for outcome in both(&store).await {
        assert_eq!(kind(outcome), StoreErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_corrupt() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let first = store.swap_ring("ring", None, &ring(1)).await;
    assert_eq!(first.expect("it swaps"), Swap::Swapped);
    for damage in [
        "version = -1",
        "version = 1, document = ''",
        "document = REPEAT('x', 262145)",
    ] {
        server.run(&format!("UPDATE {RINGS} SET {damage}")).await;
        let load = store.load_ring("ring").await;
        assert_eq!(kind(load), StoreErrorKind::Corrupt, "{damage}");
    }
}

#[tokio::test]
async fn a_ring_that_is_locked_is_busy_and_then_works() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let options = MySqlOptions::new().timeout(Duration::from_secs(8));
    let store = open_with(&server.url(), options).await;
    let mut other = server.connection().await;
    run(
        &mut other,
        &format!("BEGIN; INSERT INTO {RINGS} VALUES ('ring', 7, 'seven')"),
    )
    .await;
    let first = store.swap_ring("ring", None, &ring(1)).await;
    assert_eq!(kind(first), StoreErrorKind::Busy);
    assert!(
        store
            .load_ring("ring")
            .await
            .expect("it loads")
            .ring
            .is_none()
    );
    run(&mut other, "COMMIT").await;
    let first = store.swap_ring("ring", None, &ring(1)).await;
    assert_eq!(first.expect("it swaps"), Swap::Lost);

    run(
        &mut other,
        &format!("BEGIN; SELECT version FROM {RINGS} FOR UPDATE"),
    )
    .await;
    let next = store.swap_ring("ring", Some(7), &ring(8)).await;
    assert_eq!(kind(next), StoreErrorKind::Busy);
    store
        .load_ring("ring")
        .await
        .expect("a load waits for nobody");
    run(&mut other, "ROLLBACK").await;
    let next = store.swap_ring("ring", Some(7), &ring(8)).await;
    assert_eq!(next.expect("it swaps"), Swap::Swapped);
}
