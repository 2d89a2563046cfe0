//! Rings that cannot be read, and configurations that cannot be used.

use std::time::Duration;

use tower_bearer::{
    Algorithm, SigningKey,
    jws::KeyErrorKind,
    ring::{KeyEncryptionKey, KeyRing, KeyRingErrorKind, KeyState},
    store::{MemoryStore, SealedRing},
};

use crate::support::{Database, EVERY, Node, builder, connection, kid, secret, secs};

#[track_caller]
fn refused(opened: Result<KeyRing, tower_bearer::ring::KeyRingError>) -> KeyRingErrorKind {
    opened.unwrap_err().kind()
}

/// What a ring of this content is for a server that starts, and for one that runs.
async fn told(change: impl FnOnce(SealedRing) -> SealedRing, expected: KeyRingErrorKind) {
    let database = Database::new();
    let node = Node::start(&database).await;
    let before = node.ring.status().keys;
    let changed = change(database.ring().unwrap());
    database.set_ring(Some(changed.clone()));
    let opened = builder(connection(&database)).open().await;
    assert_eq!(refused(opened), expected);
    assert_eq!(node.ring.read().await.unwrap_err().kind(), expected);
    assert_eq!(node.ring.status().keys, before, "the old keys are kept");
    assert!(node.accepts(&node.token()));
    assert_eq!(
        database.ring(),
        Some(changed),
        "and nothing is written over it"
    );
}

fn with_bytes(ring: &SealedRing, change: impl FnOnce(&mut Vec<u8>)) -> SealedRing {
    let mut bytes = ring.bytes().to_vec();
    change(&mut bytes);
    SealedRing::new(ring.version() + 1, bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_cannot_be_read_is_told_and_the_keys_that_are_known_stay() {
    let half = |ring: SealedRing| with_bytes(&ring, |bytes| bytes.truncate(bytes.len() / 2));
    told(half, KeyRingErrorKind::Damaged).await;
    let changed = |ring: SealedRing| with_bytes(&ring, |bytes| bytes[100] ^= 1);
    told(changed, KeyRingErrorKind::Damaged).await;
    let foreign = |ring: SealedRing| SealedRing::new(ring.version() + 1, *b"{}").unwrap();
    told(foreign, KeyRingErrorKind::Damaged).await;
    let newer = |ring: SealedRing| with_bytes(&ring, |bytes| bytes[4] += 1);
    told(newer, KeyRingErrorKind::NewerFormat).await;
    let other = |ring: SealedRing| with_bytes(&ring, |bytes| bytes[5] ^= 1);
    told(other, KeyRingErrorKind::KeyEncryptionKey).await;
}

#[tokio::test(start_paused = true)]
async fn another_secret_opens_nothing_and_a_previous_one_does() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let other = KeyEncryptionKey::from_secret([2; 32]).unwrap();
    let times = |key| {
        KeyRing::builder(connection(&database), key)
            .algorithm(Algorithm::EdDSA)
            .every(EVERY)
    };
    let opened = times(other.clone()).open().await;
    assert_eq!(refused(opened), KeyRingErrorKind::KeyEncryptionKey);

    let both = other.with_previous_secret([1; 32]).unwrap();
    let changed = times(both).open().await.unwrap();
    assert!(
        changed
            .keys()
            .verifying()
            .jwks()
            .contains(&kid(&node.token()))
    );
    let error = node.ring.read().await.unwrap_err();
    assert_eq!(
        error.kind(),
        KeyRingErrorKind::KeyEncryptionKey,
        "it is sealed anew"
    );
    let both = secret().with_previous_secret([2; 32]).unwrap();
    times(both).open().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_ring_is_of_one_name() {
    let database = Database::new();
    let _node = Node::start(&database).await;
    let other = builder(connection(&database)).name("other").open().await;
    assert_eq!(refused(other), KeyRingErrorKind::Damaged);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_hangs_is_told() {
    let database = Database::new();
    let connection = connection(&database);
    connection.cut(true);
    let error = builder(connection).open().await.unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Store);
    assert!(format!("{error:?}").contains("unavailable"), "{error:?}");

    let node = Node::start(&database).await;
    node.connection.hold(true);
    let error = node.ring.roll_over().await.unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Store);
    assert!(format!("{error:?}").contains("in time"), "{error:?}");
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused() {
    type Change = fn(tower_bearer::ring::KeyRingBuilder) -> tower_bearer::ring::KeyRingBuilder;
    let changes: [Change; 11] = [
        |builder| builder.sign_for(secs(0)),
        |builder| builder.every(secs(0)),
        |builder| builder.refresh_sign_for(Duration::from_micros(900)),
        |builder| builder.publish_for(secs(10)),
        |builder| builder.sign_for(secs(29)),
        |builder| builder.refresh_sign_for(secs(10)),
        |builder| builder.lease(secs(2)),
        |builder| builder.name(""),
        |builder| builder.name("a".repeat(257)),
        |builder| builder.access_lifetime(secs(3100)),
        |builder| builder.refresh_lifetime(secs(3100)),
    ];
    builder(MemoryStore::new()).open().await.unwrap();
    for (number, change) in changes.into_iter().enumerate() {
        let opened = change(builder(MemoryStore::new())).open().await;
        assert_eq!(refused(opened), KeyRingErrorKind::Config, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sets_of_a_ring_are_changed_by_the_ring_only() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let keys = node.ring.keys();
    let own = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let errors = [
        keys.roll_over(own.clone()).unwrap_err(),
        keys.add_verifying(own.verifying_key()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), KeyErrorKind::KeysOfARing);
    }
    assert!(!keys.retire(&node.key(KeyState::Next).kid));
    let other = tower_bearer::KeySet::new(own).verifying();
    let error = keys.verifying().replace(&other).unwrap_err();
    assert_eq!(error.kind(), KeyErrorKind::KeysOfARing);
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?}", builder(MemoryStore::new()));
    assert!(
        shown.starts_with("KeyRingBuilder { name: \"default\""),
        "{shown}"
    );
    assert!(!shown.contains('['), "{shown}");
}
