//! Sessions that another transaction has locked, and calls that are given up.

use super::*;

/// The store's statements wait for a lock for two seconds, and are given up after four.
fn quick() -> MySqlOptions {
    MySqlOptions::new().timeout(Duration::from_secs(8))
}

/// A transaction that has locked a session.
async fn lock(server: &MariaDb, number: u128) -> MySqlConnection {
    let mut other = server.connection().await;
    let id = id(number).as_uuid().simple().to_string();
    let lock = "SELECT 1 FROM app.tower_bearer_sessions WHERE id";
    run(
        &mut other,
        &format!("START TRANSACTION; {lock} = x'{id}' FOR UPDATE"),
    )
    .await;
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_session_is_busy_and_costs_no_connection() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), quick().max_connections(1)).await;
    let first = kept(&store, 1, "ada").await;
    let before = connections(&server).await;
    let other = lock(&server, 1).await;
    let next = rotated(&first);
    let swap = store.swap(id(1), 0, &next.state).await;
    assert_eq!(kind(swap), StoreErrorKind::Busy);
    let end = store.end(id(1), EndReason::Logout).await;
    assert_eq!(kind(end), StoreErrorKind::Busy);
    let end_all = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
    assert_eq!(kind(end_all), StoreErrorKind::Busy);
    // A load waits for nobody.
    assert!(load(&store, 1).await == first);
    other.close().await.expect("it closes");
    let swap = store.swap(id(1), 0, &next.state).await;
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    assert_eq!(connections(&server).await, before);
}

/// What has waited for another writer sees what that has written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waited_for_another_writer_has_lost() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient()).await;
    let first = kept(&store, 1, "ada").await;
    let mut other = lock(&server, 1).await;
    let waiting = {
        let (store, next) = (store.clone(), rotated(&first));
        tokio::spawn(async move { store.swap(id(1), 0, &next.state).await })
    };
    blocked(&server, 1).await;
    run(
        &mut other,
        "UPDATE app.tower_bearer_sessions SET version = 7; COMMIT",
    )
    .await;
    let swap = waiting.await.expect("no panic");
    assert_eq!(swap.expect("it swaps"), Swap::Lost);
    assert_eq!(load(&store, 1).await.state.version, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_that_wait_leave_a_connection_for_logouts() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient().max_connections(3)).await;
    let first = kept(&store, 1, "ada").await;
    kept(&store, 2, "eve").await;
    let other = lock(&server, 1).await;
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let (store, next) = (store.clone(), rotated(&first));
        waiting.spawn(async move { store.swap(id(1), 0, &next.state).await });
    }
    blocked(&server, 2).await;
    // Long before one of those gives up.
    let ended = tokio::time::timeout(Duration::from_secs(45), store.end(id(2), EndReason::Logout));
    assert!(ended.await.expect("at once").expect("it ends"));
    other.close().await.expect("it closes");
    let swaps = waiting.join_all().await;
    let won = swaps
        .iter()
        .filter(|swap| matches!(swap, Ok(Swap::Swapped)));
    assert!(won.count() <= 1);
}

/// Each call is dropped at another moment. No connection of the pool is left in the middle of an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_leaves_nothing_behind() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient().max_connections(2)).await;
    for number in 0..4 {
        kept(&store, number, &format!("user {number}")).await;
    }
    for round in 0..400 {
        let number = round % 4;
        let patience = Duration::from_micros(u64::try_from(round).expect("small") * 7);
        let calls = async {
            let loaded = load(&store, number).await;
            assert_eq!(loaded.session.id, id(number), "the answer of another call");
            let next = rotated(&loaded);
            let expected = loaded.state.version;
            let _ = store.swap(id(number), expected, &next.state).await;
            let subject = format!("user {number}");
            let listed = store.list(ISSUER, &subject, None, 9).await;
            assert_eq!(listed.expect("it lists").records.len(), 1);
            let other = store.end_all(ISSUER, "nobody", None, EndReason::Logout);
            assert_eq!(other.await.expect("it ends"), []);
        };
        let _ = tokio::time::timeout(patience, calls).await;
    }
    for number in 0..4 {
        assert_eq!(load(&store, number).await.session.id, id(number));
    }
}

/// Logouts, rotations, lists and deletions of the same sessions get in each other's way, and none fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_the_same_sessions_do_not_fail() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient()).await;
    let mut tasks = JoinSet::new();
    for task in 0..8_u128 {
        let store = store.clone();
        tasks.spawn(async move {
            for round in 0..40_u128 {
                let number = 1_000 * round + task;
                let first = kept(&store, number, "ada").await;
                let next = rotated(&first);
                let swap = store.swap(id(number), 0, &next.state).await;
                let _ = swap.expect("it swaps");
                let pairs = [(id(number), 1), (id(1_000 * round), 1)];
                store.confirm(&pairs).await.expect("it confirms");
                match task % 4 {
                    0 => {
                        let all = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
                        all.expect("it ends");
                    }
                    1 => {
                        store.delete_expired(9).await.expect("it deletes");
                    }
                    _ => {
                        let end = store.end(id(number), EndReason::Logout).await;
                        end.expect("it ends");
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    let left = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
    left.expect("it ends");
    let live = store.list(ISSUER, "ada", None, 9).await;
    assert!(live.expect("it lists").records.is_empty());
}
