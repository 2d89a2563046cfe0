//! Several servers with one ring.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{FutureExt, future::join_all};
use tower_bearer::{
    clock::Clock,
    ring::{KeyEncryptionKey, KeyPurpose, KeyState},
};

use crate::support::{
    Database, EVERY, LEASE, Node, SIGN_FOR, builder_with, connection, kid, secs, settle,
};

#[tokio::test(start_paused = true)]
async fn one_server_makes_a_key_however_many_start() {
    let database = Database::new();
    let nodes = join_all((0..8).map(|_| Node::start(&database))).await;
    let keys = nodes[0].keys(KeyPurpose::Access);
    assert_eq!(keys.len(), 2);
    for node in &nodes {
        node.ring.read().await.unwrap();
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

/// A server that has slept does not know the key that its operator names.
#[tokio::test(start_paused = true)]
async fn a_key_that_a_server_does_not_know_can_be_retired_there() {
    let database = Database::new();
    let (awake, asleep) = (Node::start(&database).await, Node::start(&database).await);
    asleep.connection.cut(true);
    for _ in 0..2 * SIGN_FOR.as_secs() / EVERY.as_secs() + 3 {
        database.pass(EVERY).await;
    }
    let (stolen, forged) = (awake.key(KeyState::Signing).kid, awake.token());
    asleep.connection.cut(false);
    asleep
        .connection
        .is_read_only
        .store(true, Ordering::Relaxed);
    asleep.ring.retire(&stolen).await.unwrap_err();
    assert!(!asleep.accepts(&forged));
    asleep
        .connection
        .is_read_only
        .store(false, Ordering::Relaxed);
    for _ in 0..2 {
        database.pass(EVERY).await;
    }
    assert!(!asleep.accepts(&forged) && !awake.accepts(&forged));
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
    node.ring.read().await.unwrap_err();
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
    for _ in 0..((90 + 2 * LEASE.as_secs()) / 2 - 30 + 2) {
        database.pass(EVERY).await;
    }
    assert!(!short.jwks().contains(&old));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_once_does_not_end_the_reads() {
    let database = Database::new();
    let node = Node::start(&database).await;
    node.connection.panics.store(true, Ordering::Relaxed);
    database.pass(EVERY).await;
    node.connection.panics.store(false, Ordering::Relaxed);
    for _ in 0..LEASE.as_secs() {
        database.pass(EVERY).await;
    }
    node.token();
}

/// It knows no version that the ring names as its own earlier ones.
#[tokio::test(start_paused = true)]
async fn a_server_that_was_away_for_many_versions_brings_no_old_key_back() {
    let database = Database::new();
    let (awake, asleep) = (Node::start(&database).await, Node::start(&database).await);
    let old = awake.key(KeyState::Signing).kid;
    asleep.connection.cut(true);
    for number in 0..70 {
        awake
            .ring
            .retire(&format!("stolen {number}"))
            .await
            .unwrap();
        database.pass(EVERY).await;
    }
    assert!(!awake.jwks().contains(&old), "it has gone long since");
    asleep.connection.cut(false);
    asleep.ring.read().await.unwrap();
    awake.ring.read().await.unwrap();
    assert!(!asleep.jwks().contains(&old) && !awake.jwks().contains(&old));
}

#[tokio::test(start_paused = true)]
async fn so_many_retired_keys_are_remembered_and_no_more() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let size = || database.ring().unwrap().bytes().len();
    let mut sizes = Vec::new();
    for number in 100..456 {
        node.ring.retire(&format!("stolen {number}")).await.unwrap();
        sizes.push(size());
    }
    assert!(sizes[255] > sizes[155] + 100 * "stolen 100".len());
    assert_eq!(sizes[355], sizes[255]);
}

#[tokio::test(start_paused = true)]
async fn a_retirement_is_not_undone_by_a_read_that_was_under_way() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let forged = node.token();
    let stolen = kid(&forged);
    for is_cut in [true, false] {
        // Its write is under way: it is held until the retirement is made here and given up.
        node.connection.hold(true);
        let rolls = node.ring.clone();
        let roll = tokio::spawn(async move { rolls.roll_over_refresh().await });
        settle().await;
        {
            let mut retire = Box::pin(node.ring.retire(&stolen));
            assert!((&mut retire).now_or_never().is_none());
        }
        node.connection.cut(is_cut);
        node.connection.hold(false);
        drop(roll.await.unwrap());
        assert!(!node.accepts(&forged), "cut: {is_cut}");
        node.connection.cut(false);
        database.pass(EVERY).await;
        assert!(!node.accepts(&forged));
        assert!(
            !Node::start(&database).await.accepts(&forged),
            "the store knows it"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_loses_no_key_that_the_store_has_lost() {
    for failures in [1, 3] {
        let database = Database::new();
        let node = Node::start(&database).await;
        let before = node.keys(KeyPurpose::Access);
        database.set_ring(None);
        node.connection.is_read_only.store(true, Ordering::Relaxed);
        for _ in 0..failures {
            node.ring.read().await.unwrap_err();
            assert_eq!(node.keys(KeyPurpose::Access), before);
        }
        node.connection.is_read_only.store(false, Ordering::Relaxed);
        node.ring.read().await.unwrap();
        assert_eq!(node.keys(KeyPurpose::Access), before, "{failures}");
        assert_eq!(
            Node::start(&database).await.keys(KeyPurpose::Access),
            before
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_signs_for_long_that_the_store_cannot_be_given_back() {
    let database = Database::new();
    let old = Node::start(&database).await;
    database.set_ring(None);
    old.connection.is_read_only.store(true, Ordering::Relaxed);
    let new = Node::start(&database).await;
    for _ in 0..SIGN_FOR.as_secs() {
        database.pass(EVERY).await;
        assert!(old.sign().is_none_or(|token| old.accepts(&token)));
    }
    assert!(old.sign().is_none(), "its lease has ended");
    assert!(new.accepts(&new.token()));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_for_a_moment_costs_no_key() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let first = node.token();
    let before = node.keys(KeyPurpose::Refresh);
    let now = database.clock.now();
    database.clock.advance(secs(400 * 24 * 3600));
    node.ring.read().await.unwrap();
    node.ring.read().await.unwrap();
    database.clock.set(now);
    node.ring.read().await.unwrap();
    assert!(node.accepts(&first));
    for key in before {
        assert!(
            node.keys(KeyPurpose::Refresh)
                .iter()
                .any(|held| held.kid == key.kid)
        );
    }
    for _ in 0..SIGN_FOR.as_secs() {
        database.pass(EVERY).await;
    }
    let next = node.key(KeyState::Next);
    assert!(
        next.signs_from <= database.clock.now() + SIGN_FOR,
        "roll-overs go on"
    );
}

#[tokio::test(start_paused = true)]
async fn servers_do_not_rewrite_a_ring_at_each_other() {
    let database = Database::new();
    let odd = Duration::from_nanos(20_000_000_001);
    let start = |key: KeyEncryptionKey| {
        let builder = builder_with(connection(&database), key).access_lifetime(odd);
        builder.open()
    };
    let both = |one: u8, other| {
        let key = KeyEncryptionKey::from_secret([one; 32]).unwrap();
        match other {
            Other::Next(other) => key.with_next_secret([other; 32]).unwrap(),
            Other::Previous(other) => key.with_previous_secret([other; 32]).unwrap(),
        }
    };
    let first = start(both(1, Other::Next(2))).await.unwrap();
    let second = start(both(2, Other::Previous(1))).await.unwrap();
    for _ in 0..20 {
        first.read().await.unwrap();
        second.read().await.unwrap();
    }
    assert!(database.writes() <= 2, "{}", database.writes());
}

/// The other secret of a server, while it changes.
enum Other {
    Next(u8),
    Previous(u8),
}

#[tokio::test(start_paused = true)]
async fn all_keys_can_be_replaced() {
    let database = Database::new();
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    let forged = nodes[0].token();
    let refresh = nodes[0].keys(KeyPurpose::Refresh);
    let before = nodes[0].keys(KeyPurpose::Access);
    nodes[0].ring.replace_all(KeyPurpose::Access).await.unwrap();
    database.pass(EVERY).await;
    for node in &nodes {
        let keys = node.keys(KeyPurpose::Access);
        assert_eq!(keys.len(), 2);
        assert!(
            keys.iter()
                .all(|key| before.iter().all(|old| old.kid != key.kid))
        );
        assert!(!node.accepts(&forged) && node.accepts(&nodes[0].token()));
        assert_eq!(node.keys(KeyPurpose::Refresh), refresh);
    }
}
