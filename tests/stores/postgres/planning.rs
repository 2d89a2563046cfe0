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
        let highest = SessionId::from_uuid(Uuid::max());
        let listed = store.list(ISSUER, "user 7", Some(highest), 10).await;
        assert_eq!(listed.expect("it lists").records.len(), 10);
        let ended = store
            .end_all(ISSUER, "user 404", None, EndReason::Logout)
            .await;
        ended.expect("it ends");
        store
            .end(id(404), EndReason::Logout)
            .await
            .expect("it ends");
        let since = store.ended_since(first.session.created_at, Some(id(5)), 10);
        since.await.expect("it tells the ends");
        let after = Cursor::from(highest);
        let all = store.list_all(ISSUER, Some(&after), 10).await;
        assert_eq!(all.expect("it lists all").records.len(), 10);
        store.delete_expired(9).await.expect("it deletes");
        let loads = [1, 2, 404].map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.load(id(number)).await })
        });
        for load in loads {
            load.await.expect("no panic").expect("it loads");
        }
        last = load(&store, 1).await;
    }
    store.close().await;
    let log = server.log();
    let plans = &log[before..];
    for used in [
        "LockRows",
        "= ANY (",
        "Index Scan using tower_bearer_sessions_pkey",
        "Index Scan Backward using tower_bearer_sessions_pkey",
        "tower_bearer_sessions_live",
        "tower_bearer_sessions_ended",
        "Index Scan using tower_bearer_sessions_ends_at",
    ] {
        assert!(plans.contains(used), "{used} is not in {plans}");
    }
    assert!(
        !plans.contains("Seq Scan on tower_bearer_sessions"),
        "{plans}"
    );
}

/// To the planner a short list looks cheaper than one of unknown length, of which it keeps the plan.
#[tokio::test]
async fn what_few_want_together_is_not_planned_anew_each_time() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(&server.url())
        .await
        .expect("it connects");
    let store = PostgresStore::new(pool.clone()).await.expect("it opens");
    let mut pair = [kept(&store, 1, "ada").await, kept(&store, 2, "eve").await];
    server.run(MANY).await;
    server.run("VACUUM ANALYZE tower_bearer_sessions").await;
    for _ in 0..24 {
        pair = pair.map(|record| rotated(&record));
        for swap in [begin(&store, &pair[0]), begin(&store, &pair[1])] {
            assert!(won(swap).await);
        }
        let loads = [1, 2].map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.load(id(number)).await })
        });
        for (load, kept) in loads.into_iter().zip(&pair) {
            let loaded = load.await.expect("no panic").expect("it loads");
            assert!(loaded.record.as_ref() == Some(kept));
        }
    }
    // Not of this query itself.
    let plans = "SELECT custom_plans, generic_plans FROM pg_prepared_statements
        WHERE statement LIKE '%unnest%' AND statement NOT LIKE '%prepared%'";
    let plans: Vec<(i64, i64)> = sqlx::query_as(plans)
        .fetch_all(&pool)
        .await
        .expect("it tells the plans");
    assert_eq!(plans.len(), 2, "one loads and one swaps: {plans:?}");
    for (planned, kept) in plans {
        assert!(planned <= 5 && kept >= 10, "{planned} and {kept} times");
    }
}

/// Two sessions become 20 000 each: of one subject live ones, of another ended ones.
const FEW_SUBJECTS: &str = "
INSERT INTO tower_bearer_sessions
SELECT (jsonb_populate_record(kept, jsonb_build_object(
    'id', gen_random_uuid(), 'ended_at', kept.ended_at - number
))).*
FROM tower_bearer_sessions AS kept, generate_series(1, 20000) AS number";

/// How many rows and entries of indexes were read.
const READ: &str = "
SELECT (seq_tup_read + (
    SELECT sum(idx_tup_read) FROM pg_stat_user_indexes AS entry WHERE entry.relid = rows.relid
))::bigint
FROM pg_stat_user_tables AS rows WHERE relname = 'tower_bearer_sessions'";

#[tokio::test]
async fn a_subject_s_dead_sessions_and_others_sessions_are_not_read() {
    const ROUNDS: i64 = 24;
    let Some(server) = Postgres::start_with(&[("autovacuum", "off")]).await else {
        return;
    };
    let options = PostgresOptions::new().max_connections(1);
    let store = open_with(&server.url(), options).await;
    let first = kept(&store, 1, "ada").await;
    kept(&store, 2, "eve").await;
    let ended = store.end(first.session.id, EndReason::Logout).await;
    assert!(ended.expect("it ends"));
    server.run(FEW_SUBJECTS).await;
    server.run("VACUUM ANALYZE tower_bearer_sessions").await;
    let now = store.now().await.expect("it tells the time");
    for (number, subject) in (3..).zip(["ada", "bob"].into_iter().cycle()).take(24) {
        let live = kept(&store, number, subject).await;
        let listed = store.list(ISSUER, subject, None, 1_000).await;
        assert!(listed.expect("it lists").records == [live]);
        let since = store.ended_since(now, None, 1_000).await;
        let ended_by_now = since.expect("it tells the ends").len();
        assert_eq!(ended_by_now as u128, number - 3);
        let ended = store
            .end_all(ISSUER, subject, None, EndReason::Logout)
            .await;
        assert_eq!(ended.expect("it ends"), [id(number)]);
    }
    // A connection tells what it did when it is closed.
    store.close().await;
    let updated =
        "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'tower_bearer_sessions'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while told::<i64>(&server, updated).await <= ROUNDS {
        assert!(Instant::now() < deadline, "the statistics do not come");
    }
    let read: i64 = told(&server, READ).await;
    println!("{read} rows and entries were read");
    assert!(read < 100 * ROUNDS, "{read} were read");
}

#[tokio::test]
async fn the_index_of_live_sessions_does_not_grow_with_logouts() {
    let Some(server) = Postgres::start_with(&[("autovacuum", "off")]).await else {
        return;
    };
    let store = open(&server.url()).await;
    for number in 0..1_000 {
        let live = kept(&store, number, "ada").await;
        let ended = store.end(live.session.id, EndReason::Logout).await;
        assert!(ended.expect("it ends"));
    }
    let pages = "SELECT pg_relation_size('tower_bearer_sessions_live') / 8192";
    let pages: i64 = told(&server, pages).await;
    // Its first page is about the index, and more than a hundred entries go into another.
    assert!(pages <= 4, "{pages} pages");
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
    let deadline = Instant::now() + Duration::from_secs(60);
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
