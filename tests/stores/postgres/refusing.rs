//! What the server never takes is told from what it does not take now.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use StoreErrorKind::{Busy, Corrupt, Duplicate, Timeout, Unavailable, Unstorable};

use super::*;

/// The server answers each write with the error in the table.
const REFUSE: &str = "CREATE TABLE refusal AS SELECT '00000' AS code;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'no' USING ERRCODE = (SELECT code FROM public.refusal);
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON tower_bearer_sessions
        FOR EACH ROW EXECUTE FUNCTION refuse()";

/// A text of so many bytes that no compression makes shorter than half of it.
fn noise(bytes: usize) -> String {
    let digits = (0_u64..).map(|number| {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        format!("{:016x}", hasher.hash_one(number))
    });
    let mut text: String = digits.take(bytes.div_ceil(16)).collect();
    text.truncate(bytes);
    text
}

#[tokio::test]
async fn a_refusal_for_ever_is_told_from_one_for_now() {
    const ERRORS: [(&str, StoreErrorKind); 26] = [
        ("22001", Unstorable),
        ("22003", Unstorable),
        ("22021", Unstorable),
        ("22P05", Unstorable),
        ("23001", Unstorable),
        ("23502", Unstorable),
        ("23503", Unstorable),
        // Of another table or index.
        ("23505", Unstorable),
        ("23514", Unstorable),
        ("23P01", Unstorable),
        ("44000", Unstorable),
        ("54000", Unstorable),
        ("P0001", Unstorable),
        ("40001", Busy),
        ("40P01", Busy),
        ("55P03", Busy),
        ("57014", Timeout),
        ("XX001", Corrupt),
        ("XX000", Unavailable),
        ("25006", Unavailable),
        ("42501", Unavailable),
        ("53100", Unavailable),
        ("53200", Unavailable),
        ("54001", Unavailable),
        ("57P01", Unavailable),
        ("58030", Unavailable),
    ];
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let first = kept(&store, 1, "ada").await;
    let next = rotated(&first);
    let mut ending = next.clone();
    ending.state.ended = Some(Ended::new(first.session.created_at, EndReason::Reuse));
    server.run(REFUSE).await;
    for (code, expected) in ERRORS {
        server
            .run(&format!("UPDATE refusal SET code = '{code}'"))
            .await;
        let other = record(&store, 2, "eve").await;
        assert_eq!(kind(store.insert(&other).await), expected, "{code}");
        for next in [&next, &ending] {
            let swap = store.swap(next.session.id, 0, &next.state).await;
            assert_eq!(kind(swap), expected, "{code}");
        }
        let end = store.end(first.session.id, EndReason::Logout).await;
        assert_eq!(kind(end), expected, "{code}");
        assert!(load(&store, 1).await == first);
    }
    server
        .run("DROP TRIGGER refuse ON tower_bearer_sessions")
        .await;
    let swap = store.swap(next.session.id, 0, &next.state).await;
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
}

#[tokio::test]
async fn a_row_that_does_not_fit_is_never_kept() {
    let changes = [
        "ADD CHECK (subject <> 'mallory')",
        "ADD CONSTRAINT one_each UNIQUE (subject)",
        "ALTER COLUMN scope TYPE varchar(3)",
        "ALTER COLUMN generation TYPE integer",
        "ALTER COLUMN client_id SET NOT NULL",
    ];
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (number, change) in (0..).zip(changes) {
        let table = format!("table {number}");
        let options = PostgresOptions::new().table(&table);
        let store = open_with(&server.url(), options).await;
        let mut first = record(&store, 1, "mallory").await;
        first.session.client_id = Some("app".to_owned());
        store.insert(&first).await.expect("it inserts");
        store
            .end(first.session.id, EndReason::Logout)
            .await
            .expect("it ends");
        if number == 0 {
            server.run(&format!("DELETE FROM \"{table}\"")).await;
        }
        server
            .run(&format!("ALTER TABLE \"{table}\" {change}"))
            .await;
        let mut refused = record(&store, 2, "mallory").await;
        refused.session.scope = "openid".parse().expect("a scope");
        refused.state.generation = u32::MAX;
        assert_eq!(kind(store.insert(&refused).await), Unstorable, "{change}");
        if number > 0 {
            assert_eq!(kind(store.insert(&first).await), Duplicate, "{change}");
        }
    }
}

/// A subject may have 1 KiB.
#[tokio::test]
async fn a_subject_that_is_too_long_is_refused_and_costs_no_connection() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let options = PostgresOptions::new().max_connections(1);
    let store = open_with(&server.url(), options).await;
    kept(&store, 1, "ada").await;
    let serves = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT INTO %'";
    let before: i32 = told(&server, serves).await;
    for (number, bytes) in (2..).zip([3_000, 10_000, 1_000_000]) {
        let refused = record(&store, number, &noise(bytes)).await;
        assert_eq!(kind(store.insert(&refused).await), Unstorable, "{bytes}");
    }
    kept(&store, 9, &noise(2_000)).await;
    assert_eq!(told::<i32>(&server, serves).await, before);
}
