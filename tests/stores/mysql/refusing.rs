//! What the server never takes is told from what it does not take now.

use StoreErrorKind::{Busy, Corrupt, Duplicate, Timeout, Unavailable, Unstorable};

use super::*;

/// The server answers each write with the error in the table.
const REFUSE: &str = "CREATE TABLE app.refusal (number INTEGER, state CHAR(5));
    INSERT INTO app.refusal VALUES (0, '');
    CREATE PROCEDURE app.refuse() BEGIN
        DECLARE number INTEGER DEFAULT (SELECT refusal.number FROM app.refusal);
        DECLARE state CHAR(5) DEFAULT (SELECT refusal.state FROM app.refusal);
        CASE state
            WHEN '22001' THEN SIGNAL SQLSTATE '22001' SET MYSQL_ERRNO = number;
            WHEN '23000' THEN SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = number;
            WHEN '40001' THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = number;
            WHEN '42000' THEN SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = number;
            WHEN '45000' THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = number;
            ELSE SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = number;
        END CASE;
    END;
    CREATE TRIGGER app.no_insert BEFORE INSERT ON app.tower_bearer_sessions
        FOR EACH ROW CALL app.refuse();
    CREATE TRIGGER app.no_update BEFORE UPDATE ON app.tower_bearer_sessions
        FOR EACH ROW CALL app.refuse()";

#[tokio::test]
async fn a_refusal_for_ever_is_told_from_one_for_now() {
    const ERRORS: [(u16, &str, StoreErrorKind); 22] = [
        (1406, "22001", Unstorable),
        (1264, "22001", Unstorable),
        (1048, "23000", Unstorable),
        (1452, "23000", Unstorable),
        // Of another table or index.
        (1062, "23000", Unstorable),
        (4025, "23000", Unstorable),
        (3819, "HY000", Unavailable),
        (1364, "HY000", Unstorable),
        (1366, "HY000", Unstorable),
        (1118, "42000", Unstorable),
        (1644, "45000", Unstorable),
        (1213, "40001", Busy),
        (1020, "HY000", Busy),
        (1205, "HY000", Busy),
        (1969, "HY000", Timeout),
        (3024, "HY000", Timeout),
        (1712, "HY000", Corrupt),
        (1290, "HY000", Unavailable),
        (1047, "HY000", Unavailable),
        (1114, "HY000", Unavailable),
        (1021, "HY000", Unavailable),
        (1142, "42000", Unavailable),
    ];
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let first = kept(&store, 1, "ada").await;
    let next = rotated(&first);
    let mut ending = next.clone();
    ending.state.ended = Some(Ended::new(first.session.created_at, EndReason::Reuse));
    server.run(REFUSE).await;
    for (number, state, expected) in ERRORS {
        let answer = format!("UPDATE app.refusal SET number = {number}, state = '{state}'");
        server.run(&answer).await;
        let other = record(&store, 2, "eve").await;
        assert_eq!(kind(store.insert(&other).await), expected, "{number}");
        for next in [&next, &ending] {
            let swap = store.swap(next.session.id, 0, &next.state).await;
            assert_eq!(kind(swap), expected, "{number}");
        }
        let end = store.end(first.session.id, EndReason::Logout).await;
        assert_eq!(kind(end), expected, "{number}");
        let all = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
        assert_eq!(kind(all), expected, "{number}");
        assert!(load(&store, 1).await == first);
    }
    server
        .run("DROP TRIGGER app.no_insert; DROP TRIGGER app.no_update")
        .await;
    let swap = store.swap(next.session.id, 0, &next.state).await;
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
}

#[tokio::test]
async fn a_row_that_does_not_fit_is_never_kept() {
    let changes = [
        "ADD CHECK (subject <> 'mallory' OR id < x'00000000000000000000000000000002')",
        "ADD UNIQUE one_each (subject)",
        "MODIFY scope VARBINARY(3)",
        "MODIFY generation INTEGER",
        "MODIFY client_id BLOB NOT NULL",
    ];
    let Some(server) = MariaDb::start().await else {
        return;
    };
    for (number, change) in (0..).zip(changes) {
        let table = format!("table {number}");
        let options = MySqlOptions::new().table(&table);
        let store = open_with(&server.url(), options).await;
        let mut first = record(&store, 1, "mallory").await;
        first.session.client_id = Some("app".to_owned());
        store.insert(&first).await.expect("it inserts");
        server
            .run(&format!("ALTER TABLE app.`{table}` {change}"))
            .await;
        let mut refused = record(&store, 2, "mallory").await;
        refused.session.scope = "openid".parse().expect("a scope");
        refused.state.generation = u32::MAX;
        assert_eq!(kind(store.insert(&refused).await), Unstorable, "{change}");
        assert_eq!(kind(store.insert(&first).await), Duplicate, "{change}");
    }
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_and_costs_no_connection() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), MySqlOptions::new().max_connections(1)).await;
    kept(&store, 1, "ada").await;
    let before = connections(&server).await;
    for (number, bytes) in (2..).zip([2_001, 10_000, 1_000_000]) {
        let refused = record(&store, number, &"x".repeat(bytes)).await;
        assert_eq!(kind(store.insert(&refused).await), Unstorable, "{bytes}");
    }
    kept(&store, 9, &"x".repeat(2_000)).await;
    assert_eq!(connections(&server).await, before);
}
