//! Loads that go together: in one query, and no one of them at the cost of another.

use super::*;

/// Begins loads, all of them before the first query, as the test's runtime has one thread.
async fn loads(store: &PostgresStore, numbers: &[u128]) -> Vec<Result<Option<Record>, StoreError>> {
    let begun: Vec<_> = numbers
        .iter()
        .map(|number| {
            let (store, id) = (store.clone(), id(*number));
            tokio::spawn(async move { Ok(store.load(id).await?.record) })
        })
        .collect();
    let mut outcomes = Vec::new();
    for load in begun {
        outcomes.push(load.await.expect("no panic"));
    }
    outcomes
}

/// How many queries of several sessions the server was asked for.
fn groups(server: &Postgres) -> usize {
    server
        .log()
        .matches("id = ANY (ARRAY(SELECT pg_catalog.unnest($1")
        .count()
}

#[tokio::test]
async fn each_gets_its_own_answer() {
    let Some(server) = Postgres::start_with(&[("log_statement", "all")]).await else {
        return;
    };
    for (number, prepared) in [(1, true), (10, false)] {
        let options = PostgresOptions::new().prepared_statements(prepared);
        let store = open_with(&server.url(), options).await;
        let good = kept(&store, number, "ada").await;
        let damaged = kept(&store, number + 1, "eve").await.session.id;
        let locked = kept(&store, number + 2, "bob").await;
        let damage = format!(
            "UPDATE tower_bearer_sessions SET generation = -1 WHERE id = '{}'",
            damaged.as_uuid()
        );
        server.run(&damage).await;
        let mut locker = server.connection().await;
        let lock = format!(
            "BEGIN; SELECT FROM tower_bearer_sessions WHERE id = '{}' FOR UPDATE",
            locked.session.id.as_uuid()
        );
        run(&mut locker, &lock).await;
        let before = groups(&server);
        let numbers = [number, 404, number + 1, number, number + 2];
        let outcomes = loads(&store, &numbers).await;
        assert!(groups(&server) > before, "they did not go together");
        let [first, absent, damaged, again, locked_one] = outcomes.as_slice() else {
            unreachable!()
        };
        for one in [first, again] {
            assert!(*one.as_ref().expect("it loads") == Some(good.clone()));
        }
        assert!(absent.as_ref().expect("it loads").is_none());
        let error = damaged.as_ref().expect_err("it cannot be read");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(*locked_one.as_ref().expect("it loads") == Some(locked));
    }
}

/// Reading the row of session 2 raises what a damaged page does, which fails the whole query.
const DAMAGED_PAGE: &str = "
CREATE FUNCTION damaged() RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'invalid page' USING ERRCODE = 'XX001'; END $$;
ALTER TABLE tower_bearer_sessions RENAME TO kept_sessions;
CREATE VIEW tower_bearer_sessions AS SELECT * FROM kept_sessions;
ALTER TABLE kept_sessions RENAME COLUMN generation TO kept_generation;
CREATE OR REPLACE VIEW damaged_sessions AS
    SELECT *, CASE WHEN id = '00000000-0000-0000-0000-000000000002' THEN damaged()
        ELSE kept_generation END AS generation
    FROM kept_sessions;
DROP VIEW tower_bearer_sessions;
ALTER VIEW damaged_sessions RENAME TO tower_bearer_sessions;";

#[tokio::test]
async fn a_damaged_page_fails_its_own_sessions_only() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let mut records = Vec::new();
    for number in 1..=3 {
        records.push(kept(&store, number, "ada").await);
    }
    store.close().await;
    server.run(DAMAGED_PAGE).await;
    let store = open(&server.url()).await;
    let outcomes = loads(&store, &[1, 2, 3]).await;
    for (outcome, record) in outcomes.iter().zip(&records) {
        match outcome {
            Ok(loaded) => assert!(loaded.as_ref() == Some(record)),
            Err(error) => {
                assert_eq!(record.session.id, id(2));
                assert_eq!(error.kind(), StoreErrorKind::Corrupt);
            }
        }
    }
    assert!(outcomes[1].is_err());
}

/// A load that begins after a write was acknowledged sees it, also where it waits for a query that
/// began before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_seen() {
    const CLIENTS: u128 = 16;
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let store = store.clone();
        clients.spawn(async move {
            let mut last = kept(&store, number, "ada").await;
            for _ in 0..50 {
                let next = rotated(&last);
                let expected = last.state.version;
                let swap = store.swap(next.session.id, expected, &next.state).await;
                assert_eq!(swap.expect("it swaps"), Swap::Swapped);
                assert!(load(&store, number).await == next, "it is too old");
                last = next;
            }
        });
    }
    clients.join_all().await;
}

#[tokio::test]
async fn a_connection_that_was_lost_fails_no_load_of_several() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let options = PostgresOptions::new().max_connections(2);
    let store = open_with(&server.url(), options).await;
    for number in 1..=4 {
        kept(&store, number, "ada").await;
    }
    server
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND query LIKE '%tower_bearer_sessions%'",
        )
        .await;
    let outcomes = loads(&store, &[1, 2, 3, 4]).await;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!(failed <= 1, "{failed} of 4 failed");
}
