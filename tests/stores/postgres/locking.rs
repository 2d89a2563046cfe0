//! Several writers: nobody waits for ever, and no two for each other.

use std::pin::Pin;

use super::*;

type BoxFuture<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A lock is waited for for a quarter of it, and an answer for the whole. On a busy machine both have to be told apart.
const QUICK: Duration = Duration::from_secs(8);

#[tokio::test]
async fn a_session_that_is_locked_is_busy_and_then_works() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (number, prepared) in [(1, true), (2, false)] {
        let options = PostgresOptions::new()
            .timeout(QUICK)
            .prepared_statements(prepared);
        let store = open_with(&server.url(), options).await;
        let first = kept(&store, number, "ada").await;
        let mut locker = server.connection().await;
        run(
            &mut locker,
            "BEGIN; SELECT FROM tower_bearer_sessions FOR UPDATE",
        )
        .await;
        let next = rotated(&first);
        let asked = Instant::now();
        assert_eq!(
            kind(store.swap(next.session.id, 0, &next.state).await),
            StoreErrorKind::Busy
        );
        assert!(asked.elapsed() >= QUICK / 5, "it did not wait");
        // Had it waited too long, it would have been a timeout.
        for outcome in [
            store
                .end(first.session.id, EndReason::Logout)
                .await
                .map(drop),
            store
                .end_all(ISSUER, "ada", None, EndReason::Logout)
                .await
                .map(drop),
            store.confirm(&[(first.session.id, 0)]).await,
        ] {
            assert_eq!(kind(outcome), StoreErrorKind::Busy);
        }
        // Readers and clean-up go on.
        assert!(load(&store, number).await == first);
        assert_eq!(store.delete_expired(9).await.expect("it deletes"), 0);

        run(&mut locker, "ROLLBACK").await;
        assert_eq!(
            store
                .swap(next.session.id, 0, &next.state)
                .await
                .expect("it swaps"),
            Swap::Swapped
        );
        assert!(load(&store, number).await == next);
        assert!(
            store
                .end(first.session.id, EndReason::Logout)
                .await
                .expect("it ends")
        );
    }
}

#[tokio::test]
async fn a_locked_table_is_a_timeout_and_nobody_goes_on_waiting() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (number, prepared) in [(1, true), (2, false)] {
        let options = PostgresOptions::new()
            .timeout(QUICK)
            .prepared_statements(prepared);
        let store = open_with(&server.url(), options).await;
        let first = kept(&store, number, "ada").await;
        let mut locker = server.connection().await;
        run(&mut locker, "BEGIN; LOCK TABLE tower_bearer_sessions").await;
        let asked = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..10 {
            let store = store.clone();
            let id = first.session.id;
            tasks.spawn(async move { kind(store.load(id).await) });
        }
        assert_eq!(tasks.join_all().await, [StoreErrorKind::Timeout; 10]);
        assert!(asked.elapsed() < 2 * QUICK, "they waited for each other");
        blocked(&server, 0).await;
        run(&mut locker, "ROLLBACK").await;
        assert!(load(&store, number).await == first);
    }
}

#[tokio::test]
async fn rows_are_locked_in_one_order() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    // So that rows come as they are given, or as they lie, and not as an index has them.
    server
        .run(
            "ALTER ROLE bearer SET enable_hashjoin = off;
            ALTER ROLE bearer SET enable_mergejoin = off;
            ALTER ROLE bearer SET enable_indexscan = off;
            ALTER ROLE bearer SET enable_seqscan = off",
        )
        .await;
    let store = open_with(&server.url(), patient()).await;
    for number in [3, 2, 1] {
        kept(&store, number, "ada").await;
    }
    let pairs = [3, 2, 1].map(|number| (id(number), 0));
    let waits: [BoxFuture<'_>; 2] = [
        Box::pin(async { store.confirm(&pairs).await }),
        Box::pin(async {
            let ended = store
                .end_all(ISSUER, "ada", None, EndReason::Logout)
                .await?;
            assert_eq!(ended.len(), 3);
            Ok(())
        }),
    ];
    for wait in waits {
        let mut locker = server.connection().await;
        run(&mut locker, &lock(1)).await;
        let others_are_free = async {
            blocked(&server, 1).await;
            for number in [2, 3] {
                let mut neighbour = server.connection().await;
                run(&mut neighbour, &format!("{} NOWAIT", lock(number))).await;
            }
            run(&mut locker, "ROLLBACK").await;
        };
        let (written, ()) = tokio::join!(wait, others_are_free);
        written.expect("nobody is in its way any more");
    }
}

fn lock(number: u128) -> String {
    let id = Uuid::from_u128(number);
    format!("BEGIN; SELECT FROM tower_bearer_sessions WHERE id = '{id}' FOR NO KEY UPDATE")
}

const ROTATE: &str = "BEGIN; UPDATE tower_bearer_sessions
    SET generation = generation + 1, version = version + 10";

/// A rotation that is not committed yet is in the way of the others, and then counts.
#[tokio::test]
async fn who_waited_sees_what_it_waited_for() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient()).await;
    for (number, revokes) in [(1, false), (2, true), (3, true)] {
        let first = kept(&store, number, &format!("user {number}")).await;
        let mut rotation = server.connection().await;
        let id = first.session.id;
        run(&mut rotation, &format!("{ROTATE} WHERE id = '{id}'")).await;
        let write = async {
            match number {
                1 => store.confirm(&[(id, 0)]).await.map(|()| 0),
                2 => store.end(id, EndReason::Logout).await.map(usize::from),
                _ => {
                    let ended = store
                        .end_all(ISSUER, "user 3", None, EndReason::Logout)
                        .await;
                    ended.map(|ended| ended.len())
                }
            }
        };
        let commit = async {
            blocked(&server, 1).await;
            run(&mut rotation, "COMMIT").await;
        };
        let (written, ()) = tokio::join!(write, commit);
        assert_eq!(written.expect("it writes"), usize::from(revokes));
        let kept = load(&store, number).await;
        assert_eq!((kept.state.generation, kept.state.confirmed_at), (1, None));
        assert_eq!(kept.state.ended.is_some(), revokes);
        assert_eq!(kept.state.version, 10 + u64::from(revokes));
    }
}

#[tokio::test]
async fn a_stricter_isolation_of_the_role_changes_nothing() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server
        .run("ALTER ROLE bearer SET default_transaction_isolation = serializable")
        .await;
    let store = open_with(&server.url(), patient()).await;
    let first = kept(&store, 1, "ada").await;
    let mut rotation = server.connection().await;
    run(&mut rotation, ROTATE).await;
    let commit = async {
        blocked(&server, 1).await;
        run(&mut rotation, "COMMIT").await;
    };
    let (ended, ()) = tokio::join!(store.end(first.session.id, EndReason::Logout), commit);
    assert!(ended.expect("it sees what the rotation has left"));
    assert!(load(&store, 1).await.state.ended.is_some());
}

#[tokio::test]
async fn a_clean_up_passes_over_what_is_locked() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient()).await;
    for number in 1..=4 {
        kept(&store, number, "ada").await;
    }
    server
        .run("UPDATE tower_bearer_sessions SET ends_at = 1")
        .await;
    let mut locker = server.connection().await;
    run(&mut locker, &lock(2)).await;
    assert_eq!(store.delete_expired(9).await.expect("it deletes"), 3);
    run(&mut locker, "ROLLBACK").await;
    assert_eq!(store.delete_expired(9).await.expect("it deletes"), 1);
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_a_timeout() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect(&server.url()).await.expect("it connects");
    let store = PostgresStore::new_with(pool.clone(), patient()).await;
    let store = store.expect("it opens");
    let taken = pool.acquire().await.expect("a connection");
    // Nothing comes from the server meanwhile, so the clock goes on to the timeout by itself.
    tokio::time::pause();
    assert_eq!(kind(store.load(id(1)).await), StoreErrorKind::Timeout);
    tokio::time::resume();
    drop(taken);
    // It comes back to the pool in a task of its own.
    let deadline = Instant::now() + Duration::from_secs(60);
    let loaded = loop {
        match store.load(id(1)).await {
            Ok(loaded) => break loaded,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
    };
    assert!(loaded.record.is_none());
}

/// Batches in opposite orders against each other, and against all that locks rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_wait_for_each_other() {
    const SESSIONS: u128 = 200;
    const ROUNDS: u32 = 60;
    let Some(server) = Postgres::start_with(&[("deadlock_timeout", "10ms")]).await else {
        return;
    };
    let options = patient().max_connections(16);
    let store = open_with(&server.url(), options).await;
    for number in 0..SESSIONS {
        // The last are ended now and then, the others never.
        let user = if number < SESSIONS / 2 {
            99
        } else {
            number % 4
        };
        kept(&store, number, &format!("user {user}")).await;
    }
    let mut tasks = JoinSet::new();
    for task in 0..12_u32 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut swaps = 0;
            for round in 0..ROUNDS {
                let write = write(&store, task, round, SESSIONS);
                swaps += write.await.expect("nobody is in its way");
            }
            swaps
        });
    }
    let swaps: u32 = tasks.join_all().await.into_iter().sum();
    assert!(swaps > 100, "{swaps} swaps are no load");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'";
    assert_eq!(told::<i64>(&server, deadlocks).await, 0);
}

/// One write, or some. Tells how many swaps won.
async fn write(
    store: &PostgresStore,
    task: u32,
    round: u32,
    sessions: u128,
) -> Result<u32, StoreError> {
    let pairs = |numbers: Vec<u128>| -> Vec<_> {
        let pair = |number| (id(number), round % 3);
        numbers.into_iter().map(pair).collect()
    };
    match task % 6 {
        0 => store.confirm(&pairs((0..sessions).collect())).await?,
        1 => store.confirm(&pairs((0..sessions).rev().collect())).await?,
        2 => {
            let scattered = (0..sessions).map(|number| number * 77 % sessions);
            store.confirm(&pairs(scattered.collect())).await?;
        }
        3 => {
            let subject = format!("user {}", round % 4);
            store
                .end_all(ISSUER, &subject, None, EndReason::Logout)
                .await?;
        }
        4 => drop(store.delete_expired(50).await?),
        _ => return swap_some(store, round, sessions).await,
    }
    Ok(0)
}

async fn swap_some(store: &PostgresStore, round: u32, sessions: u128) -> Result<u32, StoreError> {
    let mut swapped = 0;
    for step in 0..20 {
        let number = u128::from(round * 20 + step) * 31 % sessions;
        let last = load(store, number).await;
        let mut next = rotated(&last);
        next.state.generation %= 3;
        swapped += u32::from(
            store
                .swap(next.session.id, last.state.version, &next.state)
                .await?
                == Swap::Swapped,
        );
    }
    Ok(swapped)
}
