//! One ring over time: which key signs, what is published, and what goes.

use tower_bearer::{
    Algorithm,
    jws::CryptoProvider,
    ring::{KeyPurpose, KeyState},
};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_next_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_expire() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let (first, second) = (node.key(KeyState::Signing), node.key(KeyState::Next));
    assert_eq!(second.signs_from, first.signs_from + SIGN_FOR);
    for key in [&first, &second] {
        assert!(node.jwks().contains(&key.kid), "{key:?}");
    }
    let old = node.token();
    assert_eq!(kid(&old), first.kid);

    database.pass(SIGN_FOR).await;
    assert_eq!(node.key(KeyState::Signing).kid, second.kid);
    assert_eq!(kid(&node.token()), second.kid);
    let third = node.key(KeyState::Next);
    assert_eq!(third.signs_from, second.signs_from + SIGN_FOR);
    for (state, until) in [
        (
            KeyState::Verifying,
            Some(second.signs_from + LIFETIME + LEASE),
        ),
        (KeyState::Signing, None),
        (KeyState::Next, None),
    ] {
        assert_eq!(node.key(state).verifies_until, until, "{state:?}");
    }
    assert!(node.jwks().contains(&first.kid), "its tokens are out");

    database.pass(LIFETIME + LEASE - secs(1)).await;
    assert!(node.jwks().contains(&first.kid));
    // It is seen to have expired for as long as a lease.
    database.pass(EVERY).await;
    assert!(node.jwks().contains(&first.kid));
    database.pass(LEASE).await;
    assert!(!node.jwks().contains(&first.kid));
    assert_eq!(node.keys(KeyPurpose::Access).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_roll_over_needs_no_store_at_its_time() {
    let database = Database::new();
    let nodes = [Node::start(&database).await, Node::start(&database).await];
    database.pass(SIGN_FOR - secs(2)).await;
    let next = nodes[0].key(KeyState::Next).kid;
    for node in &nodes {
        node.connection.cut(true);
    }
    database.pass(secs(3)).await;
    for node in &nodes {
        assert_eq!(kid(&node.token()), next);
        assert!(nodes.iter().all(|other| other.accepts(&node.token())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_nobody_kept_up_publishes_the_next_key_before_it_signs() {
    let database = Database::new();
    let kept = {
        let node = Node::start(&database).await;
        node.key(KeyState::Next).kid
    };
    database.pass(SIGN_FOR * 7).await;
    let node = Node::start(&database).await;
    assert_eq!(
        kid(&node.token()),
        kept,
        "the only one that others may know"
    );
    let next = node.key(KeyState::Next);
    assert_eq!(next.signs_from, next.made_at + PUBLISH_FOR);
}

#[tokio::test(start_paused = true)]
async fn the_application_can_roll_over_before_the_time() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let old = node.token();
    let next = node.key(KeyState::Next);
    assert!(node.ring.roll_over().await.unwrap());
    assert_eq!(
        kid(&node.token()),
        kid(&old),
        "nobody may know the next one yet"
    );
    assert_eq!(
        node.key(KeyState::Next).signs_from,
        next.made_at + PUBLISH_FOR
    );
    assert!(!node.ring.roll_over().await.unwrap(), "it is on its way");

    database.pass(PUBLISH_FOR).await;
    assert_eq!(kid(&node.token()), next.kid);
    database.pass(PUBLISH_FOR).await;
    let third = node.key(KeyState::Next).kid;
    assert!(node.ring.roll_over().await.unwrap());
    assert_eq!(
        kid(&node.token()),
        third,
        "it was published for long enough"
    );
}

#[tokio::test(start_paused = true)]
async fn refresh_secrets_roll_over_too() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let signer = |node: &Node| {
        let mut keys = node.keys(KeyPurpose::Refresh);
        keys.retain(|key| key.state == KeyState::Signing);
        keys.remove(0).kid
    };
    let first = signer(&node);
    database.pass(SIGN_FOR).await;
    let second = signer(&node);
    assert_ne!(first, second);
    database.pass(secs(61) + LEASE).await;
    assert!(node.ring.roll_over_refresh().await.unwrap());
    assert!(![first, second].contains(&signer(&node)));
    assert!(!node.jwks().contains("oct"), "secrets are not published");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_ring_is_not_written() {
    let database = Database::new();
    let _nodes = [Node::start(&database).await, Node::start(&database).await];
    assert_eq!(database.writes(), 1);
    for _ in 0..40 {
        database.pass(EVERY).await;
    }
    assert_eq!(database.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_task_lives_as_long_as_somebody_needs_the_keys() {
    let database = Database::new();
    let Node { ring, .. } = Node::start(&database).await;
    let keys = ring.keys();
    let verifying = keys.verifying();
    let before = verifying.jwks();
    drop((ring, keys));
    for _ in 0..60 {
        database.pass(EVERY).await;
    }
    assert_ne!(
        verifying.jwks(),
        before,
        "whoever verifies follows the ring"
    );
    drop(verifying);
    for _ in 0..60 {
        database.pass(EVERY).await;
    }
    let writes = database.writes();
    for _ in 0..60 {
        database.pass(EVERY).await;
    }
    assert_eq!(database.writes(), writes, "nobody is left");
}

#[tokio::test]
async fn a_key_of_any_algorithm_comes_back_from_the_store() {
    let provider = CryptoProvider::default();
    for algorithm in [
        Algorithm::RS256,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
        Algorithm::Ed25519,
        Algorithm::MLDSA44,
        Algorithm::HS256,
    ] {
        if algorithm == Algorithm::MLDSA44 && provider.name() == "rust-crypto" {
            continue;
        }
        let database = Database::new();
        // The lease counts from before the key is made, which takes its time.
        let start = || {
            Node::start_with(&database, |builder| {
                let builder = builder.algorithm(algorithm).lease(secs(300));
                let builder = builder.sign_for(secs(3600)).publish_for(secs(600));
                builder.refresh_sign_for(secs(3600))
            })
        };
        let token = start().await.token();
        let again = start().await;
        assert_eq!(again.key(KeyState::Signing).algorithm, algorithm);
        assert!(again.accepts(&token), "{algorithm}");
    }
}

/// Whatever the default of the process is.
#[tokio::test]
async fn servers_of_one_ring_may_use_different_cryptography() {
    let database = Database::new();
    let mut nodes = Vec::new();
    for provider in CryptoProvider::built_in() {
        let start = Node::start_with(&database, |builder| {
            let secret = builder.first_refresh_secret([9; 32]).unwrap();
            secret.provider(*provider)
        });
        nodes.push(start.await);
    }
    for node in &nodes {
        let token = node.token();
        assert!(nodes.iter().all(|other| other.accepts(&token)));
    }
}

#[cfg(all(feature = "aws-lc-rs", feature = "rust-crypto"))]
#[tokio::test]
async fn the_keys_of_a_ring_use_the_cryptography_that_it_is_given() {
    use std::error::Error;
    use tower_bearer::ring::KeyRingErrorKind;

    let opened = async |database: &Database, provider| {
        let builder = builder(connection(database)).algorithm(Algorithm::MLDSA44);
        builder.provider(provider).open().await.map(drop)
    };
    let database = Database::new();
    opened(&database, CryptoProvider::aws_lc_rs())
        .await
        .unwrap();
    // It neither makes such a key nor reads it.
    for database in [database, Database::new()] {
        let error = opened(&database, CryptoProvider::rust_crypto())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), KeyRingErrorKind::Key);
        let why = error.source().unwrap().to_string();
        assert!(why.contains("rust-crypto"), "{why}");
    }
}
