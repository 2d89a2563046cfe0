//! What the statements cost the server.

use super::*;

/// Ten thousand sessions of one subject that have ended, and as many of others that have not.
const MANY: &str = "
INSERT INTO app.tower_bearer_sessions
    (id, version, generation, late, expires_at, ended_at, created_at, auth_time, ends_at, end_reason,
     secret, issuer, subject, scope, claims, metadata, extra,
     state_extra)
SELECT UNHEX(MD5(CONCAT(who, seq))), 0, 0, 0, expires_at, IF(who = 'ada', seq, NULL), created_at, auth_time,
    ends_at + seq, IF(who = 'ada', 'logout', NULL), secret, issuer,
    IF(who = 'ada', 'ada', CONCAT('user ', seq % 1000)), scope, claims, metadata, extra, state_extra
FROM app.tower_bearer_sessions
JOIN (SELECT 'ada' AS who UNION SELECT 'others') AS subjects
JOIN app.numbers
WHERE id = x'00000000000000000000000000000001'";

/// How many rows and entries of indexes the server has read.
async fn read(server: &MariaDb) -> i64 {
    let read = "SELECT CAST(SUM(variable_value) AS SIGNED) FROM information_schema.global_status
        WHERE variable_name IN ('HANDLER_READ_KEY', 'HANDLER_READ_NEXT', 'HANDLER_READ_PREV',
            'HANDLER_READ_FIRST', 'HANDLER_READ_LAST', 'HANDLER_READ_RND', 'HANDLER_READ_RND_NEXT')";
    told(server, read).await
}

#[tokio::test]
async fn no_call_reads_dead_sessions_or_those_of_others() {
    const ROUNDS: u32 = 12;
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), MySqlOptions::new().max_connections(1)).await;
    let first = kept(&store, 1, "eve").await;
    server
        .run("CREATE TABLE app.numbers (seq INTEGER); INSERT INTO app.numbers SELECT seq FROM seq_1_to_10000")
        .await;
    server.run(MANY).await;
    server.run("ANALYZE TABLE app.tower_bearer_sessions").await;
    let (mut last, now) = (first, store.now().await.expect("it tells the time"));
    let before = read(&server).await;
    // What the question itself reads.
    let of_asking = read(&server).await - before;
    let begin = read(&server).await;
    for round in 0..ROUNDS {
        let next = rotated(&last);
        let swap = store.swap(id(1), last.state.version, &next.state).await;
        assert_eq!(swap.expect("it swaps"), Swap::Swapped);
        let pairs = [(id(1), next.state.generation), (id(404), 1)];
        store.confirm(&pairs).await.expect("it confirms");
        last = load(&store, 1).await;
        let number = 100 + u128::from(round);
        let live = kept(&store, number, "ada").await;
        let listed = store.list(ISSUER, "ada", None, 1_000).await;
        assert!(listed.expect("it lists").records == [live]);
        let listed = store.list(ISSUER, "user 7", None, 10).await;
        assert_eq!(listed.expect("it lists").records.len(), 10);
        let ended = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
        assert_eq!(ended.expect("it ends"), [id(number)]);
        for after in [None, Some(id(5))] {
            let since = store.ended_since(now, after, 1_000).await;
            let ended = since.expect("it tells the ends").len();
            assert_eq!(ended, round as usize + 1);
        }
        assert!(
            !store
                .end(id(404), EndReason::Logout)
                .await
                .expect("it ends")
        );
        assert_eq!(store.delete_expired(9).await.expect("it deletes"), 0);
    }
    let read = (read(&server).await - begin - of_asking) / i64::from(ROUNDS);
    println!("{read} rows and entries were read in a round");
    assert!(read < 250, "{read} were read in a round");
}

/// However many dead sessions there are, a page of the list of all looks at a limited number of rows.
#[tokio::test]
async fn the_list_of_all_reads_few_rows_at_a_time() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), MySqlOptions::new().max_connections(1)).await;
    kept(&store, 1, "eve").await;
    server
        .run("CREATE TABLE app.numbers (seq INTEGER); INSERT INTO app.numbers SELECT seq FROM seq_1_to_10000")
        .await;
    server.run(MANY).await;
    let (mut live, mut after) = (0, None);
    loop {
        let begin = read(&server).await;
        let page = store.list_all(ISSUER, after.as_ref(), 1_000).await;
        let page = page.expect("it lists all");
        let read = read(&server).await - begin;
        // Two thousand for the edge, as many for the sessions, and the temporary tables.
        assert!(read < 8_000, "{read} were read for a page");
        live += page.records.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(live, 10_001);
}

/// A rotation reads its row by its key, and writes to no index.
#[tokio::test]
async fn a_rotation_is_one_write_of_one_row() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), MySqlOptions::new().max_connections(1)).await;
    let first = kept(&store, 1, "ada").await;
    let asked = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
        WHERE variable_name = 'COM_STMT_EXECUTE'";
    let updated = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
        WHERE variable_name = 'HANDLER_UPDATE'";
    let statements: i64 = told(&server, asked).await;
    let updates: i64 = told(&server, updated).await;
    let next = rotated(&first);
    let swap = store.swap(id(1), 0, &next.state).await;
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    // The questions themselves are one statement each.
    assert_eq!(told::<i64>(&server, asked).await - statements, 3);
    assert_eq!(told::<i64>(&server, updated).await - updates, 1);
}
