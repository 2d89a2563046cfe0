//! What the statements cost the server.

use super::{grouping::*, *};

/// More than ten thousand sessions, like one that is kept already.
const MANY: &str = "
INSERT INTO tower_bearer_sessions
SELECT (jsonb_populate_record(kept, jsonb_build_object(
    'id', gen_random_uuid(),
    'subject', convert_to('user ' || number % 1000, 'UTF8'),
    'ends_at', kept.ends_at + number
))).*
FROM tower_bearer_sessions AS kept, generate_series(1, 20000) AS number";

#[tokio::test]
async fn no_statement_walks_the_table() {
    let explain = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("autovacuum", "off"),
    ];
    let Some(server) = Postgres::start_with(&explain).await else {
        return;
    };
    let store = one_lane(&server, true).await;
    let first = kept(&store, 1, "ada").await;
    let mut pair = [kept(&store, 2, "eve").await, kept(&store, 3, "eve").await];
    server.run(MANY).await;
    server.run("VACUUM ANALYZE tower_bearer_sessions").await;
    let before = server.log().len();
    // Often enough for a plan that does not look at the values.
    let mut last = first.clone();
    for _ in 0..12 {
        let next = rotated(&last);
        let swap = store
            .swap(next.session.id, last.state.version, &next.state)
            .await
            .expect("it swaps");
        assert_eq!(swap, Swap::Swapped);
        pair = pair.map(|record| rotated(&record));
        for swap in together(&server, &store, &pair).await {
            assert!(won(swap).await);
        }
        store
            .confirm(&[(id(1), 7), (id(404), 1)])
            .await
            .expect("it confirms");
        let listed = store.list(ISSUER, "user 7", Some(id(5)), 10).await;
        assert_eq!(listed.expect("it lists").records.len(), 10);
        let ended = store.end_all(ISSUER, "user 404", EndReason::Logout).await;
        ended.expect("it ends");
        store
            .end(id(404), EndReason::Logout)
            .await
            .expect("it ends");
        store.delete_expired(9).await.expect("it deletes");
        last = load(&store, 1).await;
    }
    store.close().await;
    let log = server.log();
    let plans = &log[before..];
    for used in [
        "LockRows",
        "Index Scan using tower_bearer_sessions_pkey",
        "tower_bearer_sessions_subject",
        "Index Scan using tower_bearer_sessions_ends_at",
    ] {
        assert!(plans.contains(used), "{used} is not in {plans}");
    }
    assert!(
        !plans.contains("Seq Scan on tower_bearer_sessions"),
        "{plans}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_writes_to_no_index() {
    // More than write at the same time, so that some go together.
    const TASKS: u128 = 10;
    const SESSIONS: u128 = 500;
    const ROTATIONS: u32 = 10;
    // Whoever looks at the table for long keeps old versions of its rows in it.
    let Some(server) = Postgres::start_with(&[("autovacuum", "off")]).await else {
        return;
    };
    let store = one_lane(&server, true).await;
    for number in 0..SESSIONS {
        kept(&store, number, &format!("user {number}")).await;
    }
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (0..ROTATIONS).flat_map(|_| 0..SESSIONS) {
                if number % TASKS == task {
                    rotate(&store, number).await;
                }
            }
        });
    }
    tasks.join_all().await;
    // Connections tell what they did when they are closed.
    store.close().await;
    let expected = i64::from(ROTATIONS) * 2 * SESSIONS as i64;
    let statistics = "FROM pg_stat_user_tables WHERE relname = 'tower_bearer_sessions'";
    let deadline = Instant::now() + Duration::from_secs(10);
    while told::<i64>(&server, &format!("SELECT n_tup_upd {statistics}")).await < expected {
        assert!(Instant::now() < deadline, "the statistics do not come");
    }
    let hot: i64 = told(&server, &format!("SELECT n_tup_hot_upd {statistics}")).await;
    println!("{hot} of {expected} updates touched no index");
    assert!(hot * 100 > expected * 95, "{hot} of {expected}");
}

/// Writes twice, as a refresh and the first use of its access token do.
async fn rotate(store: &PostgresStore, number: u128) {
    let last = load(store, number).await;
    let next = rotated(&last);
    let swap = store
        .swap(next.session.id, last.state.version, &next.state)
        .await
        .expect("it swaps");
    assert_eq!(swap, Swap::Swapped);
    let confirmed = store
        .confirm(&[(last.session.id, next.state.generation)])
        .await;
    confirmed.expect("it confirms");
}
