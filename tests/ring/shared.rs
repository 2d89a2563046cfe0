//! Several servers with one ring.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tower_bearer::ring::{KeyPurpose, KeyState};

use crate::support::{Database, EVERY, LEASE, Node, SIGN_FOR, kid, secs, settle};

#[tokio::test(start_paused = true)]
async fn one_server_makes_a_key_however_many_start() {
    let database = Database::new();
    let nodes = join_all((0..8).map(|_| Node::start(&database))).await;
    let keys = nodes[0].keys(KeyPurpose::Access);
    assert_eq!(keys.len(), 2);
    for node in &nodes {
        node.ring.read_now().await.unwrap();
        assert_eq!(node.keys(KeyPurpose::Access), keys);
    }
    database.pass(SIGN_FOR).await;
    settle().await;
    database.pass(EVERY).await;
    for node in &nodes {
        assert_eq!(node.keys(KeyPurpose::Access).len(), 3);
        assert_eq!(kid(&node.token()), kid(&nodes[0].token()));
        assert!(nodes.iter().all(|other| other.accepts(&node.token())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retired_key_is_refused_everywhere_after_the_next_read() {
    let database = Database::new();
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    let stolen = nodes[0].key(KeyState::Signing).kid;
    let next = nodes[0].key(KeyState::Next).kid;
    let forged = nodes[0].token();
    assert!(nodes[1].accepts(&forged));

    assert!(nodes[0].ring.retire(&stolen).await.unwrap());
    assert!(!nodes[0].accepts(&forged), "here at once");
    assert_eq!(kid(&nodes[0].token()), next, "which all know");
    assert!(nodes[1].accepts(&nodes[0].token()), "also before they read");
    database.pass(EVERY).await;
    assert!(!nodes[1].accepts(&forged));
    assert_eq!(kid(&nodes[1].token()), next);
    assert!(!nodes[1].ring.retire(&stolen).await.unwrap(), "it is gone");
    assert!(!nodes[1].ring.retire("unknown").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_retired_in_the_store_is_retired_here_and_there_later() {
    let database = Database::new();
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    let stolen = nodes[0].key(KeyState::Signing).kid;
    let forged = nodes[0].token();
    nodes[0].connection.cut(true);
    nodes[0].ring.retire(&stolen).await.unwrap_err();
    assert!(!nodes[0].accepts(&forged));
    assert!(nodes[1].accepts(&nodes[0].token()));
    database.pass(EVERY).await;
    assert!(nodes[1].accepts(&forged), "it cannot know");
    nodes[0].connection.cut(false);
    database.pass(EVERY).await;
    database.pass(EVERY).await;
    assert!(!nodes[1].accepts(&forged));
    assert_eq!(kid(&nodes[0].token()), kid(&nodes[1].token()));
}

#[tokio::test(start_paused = true)]
async fn an_older_key_signs_again_if_the_next_one_is_too_new() {
    let database = Database::new();
    let node = Node::start(&database).await;
    database.pass(SIGN_FOR).await;
    let (old, stolen) = (node.key(KeyState::Verifying), node.key(KeyState::Signing));
    node.ring.retire(&stolen.kid).await.unwrap();
    assert_eq!(kid(&node.token()), old.kid);
    let next = node.key(KeyState::Next);
    for _ in 0..20 {
        database.pass(EVERY).await;
    }
    assert_eq!(kid(&node.token()), next.kid);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_falls_back_gets_back_what_its_servers_know() {
    let database = Database::new();
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    database.pass(SIGN_FOR - EVERY).await;
    let first = nodes[0].token();
    database.pass(EVERY).await;
    database.pass(EVERY).await;
    let third = nodes[0].key(KeyState::Next);
    database.lose_last_write();
    database.pass(EVERY).await;
    database.pass(EVERY).await;
    for node in &nodes {
        assert_eq!(node.key(KeyState::Next), third);
        assert!(node.accepts(&first));
    }
    let newcomer = Node::start(&database).await;
    assert_eq!(newcomer.key(KeyState::Next), third);

    database.set_ring(None);
    database.pass(EVERY).await;
    assert_eq!(Node::start(&database).await.key(KeyState::Next), third);
}

#[tokio::test(start_paused = true)]
async fn a_retired_key_does_not_come_back_with_an_older_copy() {
    let database = Database::new();
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    let forged = nodes[0].token();
    let before = database.ring();
    let stolen = nodes[0].key(KeyState::Signing).kid;
    nodes[0].ring.retire(&stolen).await.unwrap();
    database.pass(EVERY).await;
    database.set_ring(before);
    database.pass(EVERY).await;
    database.pass(EVERY).await;
    for node in nodes.iter().chain([&Node::start(&database).await]) {
        assert!(!node.accepts(&forged));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_only_store_leaves_the_keys_that_it_has() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let next = node.key(KeyState::Next).kid;
    node.connection.is_read_only.store(true, Ordering::Relaxed);
    for _ in 0..80 {
        database.pass(EVERY).await;
    }
    node.ring.read_now().await.unwrap_err();
    assert_eq!(
        kid(&node.token()),
        next,
        "it signs on, as there is none after it"
    );
    node.connection.is_read_only.store(false, Ordering::Relaxed);
    database.pass(EVERY).await;
    assert_ne!(node.key(KeyState::Next).kid, next);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lets_tokens_live_longer_keeps_keys_longer_for_all() {
    let database = Database::new();
    let short = Node::start(&database).await;
    let old = short.key(KeyState::Signing).kid;
    let _long = Node::start_with(&database, |builder| builder.access_lifetime(secs(90))).await;
    database.pass(SIGN_FOR).await;
    for _ in 0..30 {
        database.pass(EVERY).await;
    }
    assert!(short.jwks().contains(&old));
    for _ in 0..((90 + LEASE.as_secs()) / 2 - 30 + 2) {
        database.pass(EVERY).await;
    }
    assert!(!short.jwks().contains(&old));
}
