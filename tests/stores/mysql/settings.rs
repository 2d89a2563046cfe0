//! Connections whose settings are not what the store needs.

use super::*;

const ODD: &str = "SET SESSION autocommit = 0, sql_mode = 'ANSI_QUOTES,SIMULTANEOUS_ASSIGNMENT', \
    time_zone = '+05:00', innodb_lock_wait_timeout = 50; \
    SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE";

/// A pool of the application's with connections that commit nothing by themselves.
pub(super) async fn odd_pool(url: &str, connections: u32) -> MySqlPool {
    let pool = MySqlPoolOptions::new()
        .max_connections(connections)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::raw_sql(ODD).execute(connection).await.map(drop) })
        });
    pool.connect(url).await.expect("it connects")
}

#[tokio::test]
async fn what_is_written_is_committed_whatever_the_pool_was_used_for() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let pool = odd_pool(&server.url(), 1).await;
    let store = MySqlStore::new(pool.clone()).await.expect("it opens");
    // As a `begin()` that was cancelled leaves a connection.
    let begin = "SET autocommit = 1; START TRANSACTION; CREATE TEMPORARY TABLE x (x INTEGER)";
    let mut used = pool.acquire().await.expect("a connection");
    run(&mut used, begin).await;
    drop(used);
    let first = kept(&store, 1, "ada").await;
    assert!(store.end(id(1), EndReason::Logout).await.expect("it ends"));
    let seen = load(&open(&server.url()).await, 1).await;
    assert_eq!(seen.session.subject, first.session.subject);
    assert!(seen.state.ended.is_some());
}

#[tokio::test]
async fn a_server_that_would_cut_texts_does_not() {
    let lax = ["--sql-mode=", "--init-connect=SET autocommit = 0"];
    let Some(server) = MariaDb::start_with(&lax).await else {
        return;
    };
    let store = open(&server.url()).await;
    let longest = record(&store, 1, &"x".repeat(2_000)).await;
    store.insert(&longest).await.expect("it inserts");
    let longer = record(&store, 2, &"x".repeat(2_001)).await;
    assert_eq!(
        kind(store.insert(&longer).await),
        StoreErrorKind::Unstorable
    );
    // Both committed and whole.
    let other = open(&server.url()).await;
    assert!(load(&other, 1).await == longest);
    let listed = other.list(ISSUER, &longest.session.subject, None, 9).await;
    assert!(listed.expect("it lists").records == [longest]);
}

#[tokio::test]
async fn subjects_are_compared_byte_for_byte() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let subjects = ["alice", "Alice", "alice ", "alíce", "alice\0", ""];
    for (number, subject) in (0..).zip(subjects) {
        kept(&store, number, subject).await;
    }
    for (number, subject) in (0..).zip(subjects) {
        let ended = store
            .end_all(ISSUER, subject, None, EndReason::Logout)
            .await;
        assert_eq!(ended.expect("it ends"), [id(number)], "{subject:?}");
    }
}
