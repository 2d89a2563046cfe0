//! Clocks that are wrong for a moment, and servers that have slept.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use tower_bearer::{
    clock::{Clock, Timestamp},
    error::TokenError,
    ring::{KeyPurpose, KeyState},
    session::{Grant, RefreshRequest},
    store::MemoryStore,
};

use crate::{sessions::sessions_in, support::*};

/// More than any lifetime.
const YEAR: Duration = secs(365 * 24 * 3600);

/// Reads the ring once while the store's clock is ahead.
async fn read_ahead(database: &Database, node: &Node, by: Duration) {
    let now = database.clock.now();
    database.clock.advance(by);
    node.ring.read().await.unwrap();
    database.clock.set(now);
}

/// Each read finds what is due by then.
async fn pass_by_reads(database: &Database, time: Duration) {
    for _ in 0..time.as_secs() / EVERY.as_secs() {
        database.pass(EVERY).await;
    }
}

async fn until_the_next_key_signs(database: &Database) {
    pass_by_reads(database, SIGN_FOR + 3 * EVERY).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_logged_out_by_a_clock_that_is_ahead_once() {
    let database = Database::new();
    let (node, other) = (Node::start(&database).await, Node::start(&database).await);
    let store = MemoryStore::with_clock(database.clock.clone());
    let sessions = sessions_in(&store, &node);
    let tokens = sessions.start(Grant::new("anna")).await.unwrap();
    until_the_next_key_signs(&database).await;
    read_ahead(&database, &node, YEAR).await;
    database.pass(EVERY).await;
    for sessions in [sessions_in(&store, &other), sessions] {
        let request = RefreshRequest::new(tokens.refresh_token.clone());
        sessions.refresh(request).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn no_access_token_is_refused_for_a_clock_that_is_ahead_once() {
    let database = Database::new();
    let (node, other) = (Node::start(&database).await, Node::start(&database).await);
    pass_by_reads(&database, SIGN_FOR - EVERY).await;
    let token = node.token();
    pass_by_reads(&database, 3 * EVERY).await;
    read_ahead(&database, &node, LIFETIME + LEASE).await;
    database.pass(EVERY).await;
    assert!(node.accepts(&token) && other.accepts(&token));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_clock_ahead_has_given_long_holds_back_no_other() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let (first, second) = (node.key(KeyState::Signing), node.key(KeyState::Next));
    read_ahead(&database, &node, YEAR).await;
    pass_by_reads(&database, 2 * SIGN_FOR).await;
    assert!(node.jwks().contains(&second.kid), "its tokens are out");
    pass_by_reads(&database, LIFETIME + LEASE + LEASE + 3 * EVERY).await;
    assert!(!node.jwks().contains(&second.kid));
    assert!(
        node.jwks().contains(&first.kid),
        "it may have signed for a year"
    );
}

/// By such a clock each key would be followed at once, for ever.
#[tokio::test(start_paused = true)]
async fn a_clock_at_its_end_makes_no_keys_without_end() {
    let database = Database::new();
    database.clock.set(Timestamp::from_millis(i64::MAX));
    builder(connection(&database)).open().await.unwrap();
}

/// Other threads ask for a token's verdict while the server reads the ring for the first time after its lease has ended.
/// They may be told that it cannot say, and must not be told that there is no such key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wakes_refuses_no_key_that_it_is_about_to_read() {
    let database = Database::new();
    let here = Node::start_with(&database, |builder| {
        builder
            .lease(Duration::from_millis(8))
            .every(Duration::from_millis(7))
    });
    let here = here.await;
    let there = Node::start(&database).await;
    for _ in 0..10 {
        here.connection.cut(true);
        // One that had begun before is over after it.
        here.ring.read().await.unwrap_err();
        there.ring.replace_all(KeyPurpose::Access).await.unwrap();
        let token = there.token();
        while here.ring.status().age <= Duration::from_millis(8) {
            tokio::task::yield_now().await;
        }
        let (is_over, refused) = (AtomicBool::new(false), AtomicU32::new(0));
        here.connection.cut(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::SeqCst) {
                        match here.verdict(&token) {
                            Ok(()) => return,
                            Err(TokenError::Unavailable) => {}
                            Err(_) => drop(refused.fetch_add(1, Ordering::SeqCst)),
                        }
                    }
                });
            }
            tokio::task::block_in_place(|| {
                let read = here.ring.read();
                tokio::runtime::Handle::current().block_on(read).unwrap();
            });
            is_over.store(true, Ordering::SeqCst);
        });
        assert_eq!(refused.into_inner(), 0);
    }
}
