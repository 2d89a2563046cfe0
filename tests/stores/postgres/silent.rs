//! A server that does not answer, and callers who do not wait for it.
//!
//! While nothing comes from a server, the test's clock stands still, and goes on to the next timeout by itself.

use std::{future::poll_fn, pin::pin, task::Poll};

use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open_with(&server.url(), PostgresOptions::new().timeout(PATIENCE)).await;
    let first = kept(&store, 1, "ada").await;
    server.pause();
    tokio::time::pause();
    for outcome in [
        store.load(first.session.id).await.map(drop),
        store
            .end(first.session.id, EndReason::Logout)
            .await
            .map(drop),
        // By now over a connection that would have to be opened.
        store.load(first.session.id).await.map(drop),
    ] {
        assert_eq!(kind(outcome), StoreErrorKind::Timeout);
    }
    tokio::time::resume();
    server.resume();
    let kept = load(&store, 1).await;
    // Whether the write got there before nobody knew.
    assert!(kept.state.version == first.state.version || kept.state.ended.is_some());
}

#[tokio::test]
async fn callers_without_patience_leave_no_connection_behind() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (number, prepared) in [(1, true), (2, false)] {
        let options = PostgresOptions::new()
            .max_connections(1)
            .timeout(PATIENCE)
            .prepared_statements(prepared);
        let store = open_with(&server.url(), options).await;
        let first = kept(&store, number, "ada").await;
        pause_the_connection(&server).await;
        tokio::time::pause();
        for _ in 0..20 {
            let load = timeout(Duration::from_millis(5), store.load(first.session.id)).await;
            load.expect_err("it has gone silent");
        }
        tokio::time::advance(PATIENCE).await;
        tokio::time::resume();
        // Over other connections, such as another server would answer after a failover.
        let deadline = Instant::now() + Duration::from_secs(60);
        while store.load(first.session.id).await.is_err() {
            assert!(Instant::now() < deadline, "no connection is left");
        }
        assert!(load(&store, number).await == first);
        server.resume();
    }
}

/// Also those that wait for others: each is told in its own time.
#[tokio::test]
async fn a_silent_server_keeps_nobody_waiting_behind_others() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let options = PostgresOptions::new().max_connections(2).timeout(PATIENCE);
    let store = open_with(&server.url(), options).await;
    let mut nexts = Vec::new();
    for number in 0..200 {
        nexts.push(rotated(&kept(&store, number, "ada").await));
    }
    server.pause();
    tokio::time::pause();
    let asked = Instant::now();
    let mut tasks = JoinSet::new();
    for next in nexts.clone() {
        let store = store.clone();
        tasks.spawn(async move { kind(store.swap(next.session.id, 0, &next.state).await) });
    }
    assert_eq!(tasks.join_all().await, [StoreErrorKind::Timeout; 200]);
    assert!(asked.elapsed() < 3 * PATIENCE / 2, "they waited too long");
    tokio::time::resume();
    server.resume();
    // Those whose turn had come may be kept, and nobody knew.
    let deadline = Instant::now() + Duration::from_secs(60);
    for next in &nexts {
        while store.swap(next.session.id, 0, &next.state).await.is_err() {
            assert!(Instant::now() < deadline, "it does not work again");
        }
        let kept = store.load(next.session.id).await.expect("it loads").record;
        assert!(kept.as_ref() == Some(next));
    }
}

async fn pause_the_connection(server: &Postgres) {
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while told::<i64>(server, idle).await != 1 {
        assert!(Instant::now() < deadline, "the connection is not idle");
    }
    server.pause_connections().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_anywhere_harms_nothing() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (number, prepared) in [(1, true), (2, false)] {
        let options = PostgresOptions::new()
            .max_connections(1)
            .prepared_statements(prepared);
        let store = open_with(&server.url(), options).await;
        let mut last = kept(&store, number, "ada").await;
        let mut dropped = 0;
        for polls in (0..6).cycle().take(300) {
            let next = rotated(&last);
            let swap = store.swap(next.session.id, last.state.version, &next.state);
            dropped += u32::from(!finishes(swap, polls).await);
            last = load(&store, number).await;
            if last != next {
                assert!(
                    last.state.version < next.state.version,
                    "{last:?} is half of {next:?}"
                );
                // What was dropped may come first even now: this is the same.
                let swap = store
                    .swap(next.session.id, last.state.version, &next.state)
                    .await
                    .expect("it swaps");
                last = load(&store, number).await;
                assert!(last == next, "{swap:?}");
            }
        }
        assert!(dropped > 50, "only {dropped} were dropped");
        assert!(load(&store, number).await == last);
    }
}

/// Whether the future is ready after so many polls, and drops it.
async fn finishes(future: impl Future, polls: u32) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_comes_back() {
    let Some(mut server) = Postgres::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient()).await;
    let first = kept(&store, 1, "ada").await;
    server.kill9();
    let quick = PostgresOptions::new().timeout(Duration::from_millis(200));
    let error = refused(PostgresStore::connect_with(&server.url(), quick)).await;
    assert_eq!(error, "its server cannot be reached");
    server.restart().await;
    // A connection of before may be used once to find out.
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.load(first.session.id).await {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(Instant::now() < deadline);
    }
    assert!(load(&store, 1).await == first);
}
