//! Servers that hang, die, forget and come back.

use super::*;

/// More than any call of these tests may take, and far less than for ever.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_server_that_hangs_is_a_timeout_and_then_works() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let patience = Duration::from_secs(1);
    let store = open_with(&server, RedisOptions::new().timeout(patience)).await;
    let first = insert(&store, 1).await;
    server.pause();
    let asked = Instant::now();
    let outcomes = timeout(SOON, failures(&store)).await.expect("an answer");
    assert_eq!(outcomes, [StoreErrorKind::Timeout; 9]);
    assert_eq!(kind(store.now().await), StoreErrorKind::Timeout);
    assert!(asked.elapsed() >= 10 * patience, "it did not wait");

    // What was sent may have happened by now, each write as a whole.
    server.resume();
    let deadline = Instant::now() + SOON;
    while store.load(first.session.id).await.is_err() {
        assert!(Instant::now() < deadline, "it stays broken");
    }
    let kept = load(&store, 1).await;
    assert!(
        kept.state.generation <= 1 && kept.session.issuer == ISSUER,
        "{kept:?}"
    );
    assert!(insert(&store, 2).await == load(&store, 2).await);
}

#[tokio::test]
async fn a_server_that_dies_is_unavailable_and_then_works() {
    let Some(mut server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let first = insert(&store, 1).await;
    for round in 0..3 {
        server.kill9();
        let outcomes = timeout(SOON, failures(&store)).await.expect("an answer");
        assert_eq!(outcomes, [StoreErrorKind::Unavailable; 9]);
        server.restart().await;
        // Whoever reads first finds the connection lost, and does not have to know.
        if round == 0 {
            assert!(load(&store, 1).await == first);
        } else {
            assert_eq!(live(&store).await, [first.session.id]);
        }
    }
    let next = rotated(&first);
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
    server.kill9();
    server.restart().await;
    assert!(load(&store, 1).await == next);
}

#[tokio::test]
async fn a_write_over_a_lost_connection_is_not_sent_again() {
    let Some(mut server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let first = insert(&store, 1).await;
    server.kill9();
    server.restart().await;
    let next = rotated(&first);
    assert_eq!(
        kind(store.swap(next.session.id, 0, &next.state).await),
        StoreErrorKind::Unavailable
    );
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
}

#[tokio::test]
async fn a_server_that_starts_empty_knows_nobody() {
    let Some(mut server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let first = insert(&store, 1).await;
    server.restart_empty().await;
    assert!(find(&store, 1).await.is_none());
    assert_eq!(live(&store).await, []);
    assert_eq!(swap(&store, 0, &rotated(&first)).await, Swap::Lost);
    store.confirm(&[(first.session.id, 0)]).await.unwrap();
    assert!(!end(&store, 1).await);
    assert_eq!(end_all(&store).await.unwrap(), []);
    assert!(find(&store, 1).await.is_none());
}

#[tokio::test]
async fn an_older_dump_takes_sessions_back_whole() {
    let Some(mut server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let first = insert(&store, 1).await;
    let second = rotated(&first);
    assert_eq!(swap(&store, 0, &second).await, Swap::Swapped);
    let dump = server.save("before").await;
    assert_eq!(swap(&store, 1, &rotated(&second)).await, Swap::Swapped);
    insert(&store, 2).await;
    assert!(end(&store, 1).await);

    server.restart_with(&dump).await;
    assert!(load(&store, 1).await == second);
    assert!(find(&store, 2).await.is_none());
    assert_eq!(live(&store).await, [first.session.id]);
    assert_eq!(swap(&store, 2, &rotated(&second)).await, Swap::Lost);
}
