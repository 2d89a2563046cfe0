use sqlx::{AssertSqlSafe, Row, sqlite::SqliteRow};

use tower_bearer::store::{KeyThumbprint, Session, SessionSecret, StoreErrorKind};

use super::{row::pairs_json, *};
use crate::grouping::{LARGEST, Outcome, Worker};

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
    assert_eq!(value(&store.writer.pool, "PRAGMA synchronous").await, FULL);
    // The writer tries again until its busy timeout, as `tests/stores/sqlite/sharing.rs` shows.
    let wait = i64::try_from(writer::LOCK_WAIT.as_millis()).unwrap();
    assert_eq!(value(&store.writer.pool, "PRAGMA busy_timeout").await, wait);
    assert_eq!(value(&store.readers, "PRAGMA busy_timeout").await, 5_000);
    assert_eq!(value(&store.writer.pool, "PRAGMA query_only").await, 0);
    assert_eq!(value(&store.readers, "PRAGMA query_only").await, 1);
    assert_eq!(store.writer.pool.options().get_max_connections(), 1);
}

/// The steps of the statement's plan.
async fn plan(pool: &SqlitePool, sql: &str) -> Vec<String> {
    let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = explain.fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

fn swaps() -> impl Iterator<Item = &'static str> {
    swap::SWAPS.iter().map(|(_, text)| &**text)
}

fn walks_the_table(plan: &[String]) -> bool {
    let given = ["pair", "next", "wanted", "CONSTANT ROW", "VALUES CLAUSE"];
    plan.iter().any(|step| {
        step.starts_with("SCAN") && !given.iter().any(|given| step.contains(given))
            || step.contains("TEMP B-TREE")
            || step.starts_with("BLOOM FILTER")
    })
}

#[tokio::test]
async fn no_statement_walks_the_table() {
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    for sql in swaps().chain([
        load::LOAD,
        load::LOAD_MANY,
        swap::SWAP_ENDING,
        CONFIRM,
        END,
        END_ALL,
        LIST,
        ENDED_SINCE,
        DELETE_EXPIRED,
    ]) {
        let plan = plan(&store.writer.pool, sql).await;
        assert!(
            plan.iter().any(|step| step.starts_with("SEARCH")),
            "{sql}: {plan:?}"
        );
        assert!(!walks_the_table(&plan), "{sql}: {plan:?}");
    }
}

/// An application may have its file analysed when there are few sessions. What was noted then stays.
#[tokio::test]
async fn no_load_or_single_swap_walks_the_table_whatever_was_noted_of_it() {
    for rows in [1, 10, 70, 1_000_000] {
        let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
        note_rows(&store.writer.pool, rows).await;
        for sql in swaps().take(1).chain([load::LOAD, load::LOAD_MANY]) {
            let plan = plan(&store.writer.pool, sql).await;
            assert!(!walks_the_table(&plan), "{rows} rows, {sql}: {plan:?}");
        }
    }
}

/// Makes the planner believe that the table has so many rows.
async fn note_rows(pool: &SqlitePool, rows: u32) {
    let sql = format!(
        "ANALYZE;
        INSERT INTO sqlite_stat1 (tbl, idx, stat)
        SELECT tbl_name, name, '{rows} 1 1 1' FROM sqlite_schema
        WHERE type = 'index' AND tbl_name = 'tower_bearer_sessions';
        ANALYZE sqlite_schema"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(pool)
        .await
        .unwrap();
}

/// 5 000 ended sessions and 5 000 that are not, all of one subject. The times of their ends are
/// such that each of the other indexes looks good to a planner.
const MANY: &str = "
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT 10000)
INSERT INTO tower_bearer_sessions (id, issuer, subject, secret, created_at, auth_time, ends_at,
    scope, claims, metadata, extra, state_extra, version, generation, late, expires_at, ended_at, end_reason)
SELECT randomblob(16), 'i', 's', randomblob(32), n, n, n, '', '{}', '{}', '{}', '{}', 0, 0, 0, n,
    iif(n % 2, n, NULL), iif(n % 2, 'logout', NULL)
FROM number";

#[tokio::test]
async fn a_subject_s_ended_sessions_are_not_read() {
    const LIVE: &str = "SEARCH tower_bearer_sessions USING INDEX tower_bearer_sessions_live (issuer=? AND subject=?";
    const ENDED: &str = "SEARCH tower_bearer_sessions USING COVERING INDEX \
                         tower_bearer_sessions_ended ((ended_at,id)>(?,?))";
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    for statistics in [false, true] {
        if statistics {
            let many = sqlx::raw_sql(MANY).execute(&store.writer.pool);
            assert_eq!(many.await.unwrap().rows_affected(), 10_000);
            let analyze = sqlx::raw_sql("ANALYZE").execute(&store.writer.pool);
            analyze.await.unwrap();
        }
        let list = plan(&store.readers, LIST).await;
        assert_eq!(list, [format!("{LIVE} AND id<?)")], "{statistics}");
        let end_all = plan(&store.writer.pool, END_ALL).await;
        assert_eq!(end_all, [format!("{LIVE})")], "{statistics}");
        let ended = plan(&store.readers, ENDED_SINCE).await;
        assert_eq!(ended, [ENDED], "{statistics}");
    }
}

#[tokio::test]
async fn the_list_of_all_goes_by_identifiers() {
    const BY_ID: &str = "sqlite_autoindex_tower_bearer_sessions_1";
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    for statistics in [false, true] {
        if statistics {
            let many = sqlx::raw_sql(MANY).execute(&store.writer.pool);
            assert_eq!(many.await.unwrap().rows_affected(), 10_000);
            let analyze = sqlx::raw_sql("ANALYZE").execute(&store.writer.pool);
            analyze.await.unwrap();
        }
        let edge = plan(&store.readers, walk::EDGE).await;
        let by_id = "SEARCH tower_bearer_sessions USING";
        assert_eq!(edge, [format!("{by_id} COVERING INDEX {BY_ID} (id<?)")]);
        let list = plan(&store.readers, walk::LIST_ALL).await;
        assert_eq!(list, [format!("{by_id} INDEX {BY_ID} (id>? AND id<?)")]);
    }
}

/// A call looks at a limited number of rows, and then says where the next one begins.
#[tokio::test]
async fn the_list_of_all_may_have_empty_pages() {
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    let many = sqlx::raw_sql(MANY).execute(&store.writer.pool);
    assert_eq!(many.await.unwrap().rows_affected(), 10_000);
    let (mut after, mut pages) = (None, 0);
    loop {
        let page = store.list_all("i", after.as_ref(), 10).await.unwrap();
        assert!(page.records.is_empty(), "all of them are dead");
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, 10_000 / crate::walk::WALKED + 1);
}

/// The table and the indexes that the statement writes to.
async fn written(pool: &SqlitePool, sql: &str) -> Vec<String> {
    let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN {sql}")));
    let steps = explain.fetch_all(pool).await.unwrap();
    let step = |step: &SqliteRow| (step.get("opcode"), step.get("p1"), step.get("p2"));
    let steps: Vec<(String, i64, i64)> = steps.iter().map(step).collect();
    // A statement may open an index so that it could write to it, and then only search it.
    let writes = |cursor: i64| {
        let mut writing = steps.iter().filter(|(_, on, _)| *on == cursor);
        writing.any(|(code, ..)| ["Insert", "Delete", "IdxInsert", "IdxDelete"].contains(&&**code))
    };
    let opened = steps.iter().filter(|(code, ..)| code == "OpenWrite");
    let roots = opened.filter(|(_, cursor, _)| writes(*cursor));
    let roots = roots.map(|(_, _, root)| *root);
    let mut names = Vec::new();
    for root in roots {
        let name = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE rootpage = ?");
        names.push(name.bind(root).fetch_one(pool).await.unwrap());
    }
    names
}

#[tokio::test]
async fn a_rotation_writes_to_no_index() {
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    for sql in swaps().chain([CONFIRM]) {
        let written = written(&store.writer.pool, sql).await;
        assert_eq!(written, ["tower_bearer_sessions"], "{sql}");
    }
    let ended = written(&store.writer.pool, END).await;
    for index in ["live", "ended", "ends_at"] {
        assert!(ended.contains(&format!("tower_bearer_sessions_{index}")));
    }
}

/// Each column has a value of its own.
fn pending(number: usize) -> PendingSwap {
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(number as u128 + 1));
    let time = |offset: i64| Timestamp::from_millis(100 * number as i64 + offset);
    let mut next = SessionState::new(time(1));
    next.version = 7;
    next.generation = 8;
    next.rotated_at = Some(time(2));
    next.delivered_at = Some(time(3));
    next.confirmed_at = number.is_multiple_of(2).then(|| time(4));
    next.late = 9;
    next.last_refreshed_at = Some(time(5));
    next.bound_to = number
        .is_multiple_of(5)
        .then(|| KeyThumbprint::from_bytes([number as u8; 32]));
    // Each third expects a version that its session does not have.
    let expected = if number % 3 == 2 { 5 } else { 0 };
    PendingSwap { id, expected, next }
}

/// A statement has room for more swaps than there may be, and the rest of it is empty.
#[tokio::test]
async fn each_of_a_group_of_any_size_is_written_as_it_is() {
    for size in [1, 2, 8, 9, 24, 25, LARGEST] {
        let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
        let swaps: Vec<_> = (0..size).map(pending).collect();
        let secret = SessionSecret::from_bytes([1; 32]);
        let start = Timestamp::from_secs(0);
        let before = SessionState::new(start + Duration::from_secs(9));
        for swap in &swaps {
            let session = Session::new(swap.id, "i", "s", secret.clone(), start);
            let mut record = Record::new(session);
            record.state = before.clone();
            store.insert(&record).await.unwrap();
        }
        let outcomes = SwapWriter(store.writer.clone()).together(&swaps).await;
        for (swap, outcome) in swaps.iter().zip(outcomes.unwrap()) {
            let kept = store.load(swap.id).await.unwrap().record.unwrap().state;
            match outcome {
                Outcome::Done(Ok(Swap::Swapped)) if swap.expected == 0 => {
                    assert_eq!(kept, swap.next);
                }
                Outcome::Done(Ok(Swap::Lost)) if swap.expected != 0 => assert_eq!(kept, before),
                _ => panic!("another outcome"),
            }
        }
    }
}

#[test]
fn a_refusal_for_ever_is_told_from_one_for_now() {
    use StoreErrorKind::{Busy, Corrupt, Duplicate, Unavailable, Unstorable};
    for (code, name, kind) in [
        (18, "TOOBIG", Unstorable),
        (19, "CONSTRAINT", Unstorable),
        (275, "CONSTRAINT_CHECK", Unstorable),
        (787, "CONSTRAINT_FOREIGNKEY", Unstorable),
        (1299, "CONSTRAINT_NOTNULL", Unstorable),
        (1555, "CONSTRAINT_PRIMARYKEY", Duplicate),
        (1811, "CONSTRAINT_TRIGGER", Unstorable),
        (2067, "CONSTRAINT_UNIQUE", Unstorable),
        (3091, "CONSTRAINT_DATATYPE", Unstorable),
        (20, "MISMATCH", Unstorable),
        (261, "BUSY_RECOVERY", Busy),
        (6, "LOCKED", Busy),
        (779, "CORRUPT_INDEX", Corrupt),
        (26, "NOTADB", Corrupt),
        (1, "ERROR", Unavailable),
        (7, "NOMEM", Unavailable),
        (8, "READONLY", Unavailable),
        (778, "IOERR_WRITE", Unavailable),
        (13, "FULL", Unavailable),
        (14, "CANTOPEN", Unavailable),
    ] {
        assert_eq!(error::database_kind(code), kind, "{name}");
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
