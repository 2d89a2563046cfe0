use sqlx::{AssertSqlSafe, Row};

use super::*;

async fn value(pool: &SqlitePool, pragma: &'static str) -> i64 {
    sqlx::query_scalar(pragma).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn its_own_connections_are_durable_and_wait() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let store = SqliteStore::connect(path.to_str().unwrap()).await.unwrap();

    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&store.readers)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
    const FULL: i64 = 2;
    assert_eq!(value(&store.writer, "PRAGMA synchronous").await, FULL);
    for pool in [&store.writer, &store.readers] {
        assert_eq!(value(pool, "PRAGMA busy_timeout").await, 5_000);
    }
    assert_eq!(value(&store.writer, "PRAGMA query_only").await, 0);
    assert_eq!(value(&store.readers, "PRAGMA query_only").await, 1);
    assert_eq!(store.writer.options().get_max_connections(), 1);
}

#[tokio::test]
async fn no_statement_walks_the_table() {
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    for sql in [
        LOAD,
        swap::SWAP,
        CONFIRM,
        END,
        END_ALL,
        LIST,
        DELETE_EXPIRED,
    ] {
        let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let rows = explain.fetch_all(&store.writer).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert!(
            plan.iter().any(|step| step.starts_with("SEARCH")),
            "{sql}: {plan:?}"
        );
        let walks = |step: &String| {
            step.starts_with("SCAN") && !step.contains("SCAN pair") && !step.contains("SCAN next")
                || step.contains("TEMP B-TREE")
        };
        assert!(!plan.iter().any(walks), "{sql}: {plan:?}");
    }
}

#[test]
fn pairs_are_written_as_json() {
    let id = |number| SessionId::from_uuid(uuid::Uuid::from_u128(number));
    assert_eq!(pairs_json(&[]), "[]");
    assert_eq!(
        pairs_json(&[(id(0xab), 0), (id(u128::MAX), u32::MAX)]),
        "[[\"000000000000000000000000000000ab\",0],\
         [\"ffffffffffffffffffffffffffffffff\",4294967295]]"
    );
}
