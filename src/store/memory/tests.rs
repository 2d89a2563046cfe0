use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::{
    clock::ManualClock,
    store::{Session, SessionSecret},
};

const START: Timestamp = Timestamp::from_secs(1_000);

fn record(number: u128, subject: &str) -> Record {
    let id = SessionId::from_uuid(Uuid::from_u128(number));
    let secret = SessionSecret::from_bytes([7; 32]);
    let mut session = Session::new(id, "https://id.example", subject, secret, START);
    session.ends_at = START + Duration::from_secs(60);
    Record::new(session)
}

fn store() -> (MemoryStore, ManualClock) {
    let clock = ManualClock::new(START);
    (MemoryStore::with_clock(clock.clone()), clock)
}

/// How many sessions the shards, and how many the clean-up's index hold.
fn counts(store: &MemoryStore) -> (usize, usize) {
    let shards = store.0.shards.iter().map(|shard| lock(shard).len()).sum();
    (shards, lock(&store.0.ends).len())
}

#[tokio::test]
async fn nothing_stays_behind_what_was_deleted() {
    let (store, clock) = store();
    for number in 0..300 {
        store
            .insert(&record(number, &format!("user {}", number % 7)))
            .await
            .unwrap();
    }
    assert_eq!(counts(&store), (300, 300));

    clock.advance(Duration::from_secs(60));
    assert_eq!(store.delete_expired(299).await.unwrap(), 299);
    assert_eq!(counts(&store), (1, 1));
    assert!(!lock(&store.0.subjects).is_empty());

    assert_eq!(store.delete_expired(299).await.unwrap(), 1);
    assert_eq!(counts(&store), (0, 0));
    assert!(lock(&store.0.subjects).is_empty());
}

#[tokio::test]
async fn identifiers_that_differ_in_the_last_byte_spread_over_the_shards() {
    let (store, _) = store();
    for number in 0..256 {
        store.insert(&record(number, "ada")).await.unwrap();
    }
    assert!(
        store
            .0
            .shards
            .iter()
            .all(|shard| lock(shard).len() == 256 / SHARDS)
    );
}

#[tokio::test]
async fn a_poisoned_lock_neither_panics_nor_forgets() {
    let (store, clock) = store();
    let kept = record(1, "ada");
    store.insert(&kept).await.unwrap();

    let poisoner = store.clone();
    let outcome = std::thread::spawn(move || {
        let _shard = poisoner.0.shard(SessionId::from_uuid(Uuid::from_u128(1)));
        let _subjects = lock(&poisoner.0.subjects);
        let _ends = lock(&poisoner.0.ends);
        panic!("on purpose");
    });
    assert!(outcome.join().is_err());
    assert!(store.0.ends.is_poisoned() && store.0.subjects.is_poisoned());

    assert_eq!(
        store.load(kept.session.id).await.unwrap().record,
        Some(kept.clone())
    );
    store.insert(&record(2, "ada")).await.unwrap();
    assert!(store.end(kept.session.id, EndReason::Logout).await.unwrap());
    let live = store
        .list("https://id.example", "ada", None, 10)
        .await
        .unwrap()
        .records;
    assert_eq!(live, [record(2, "ada")]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(store.delete_expired(10).await.unwrap(), 2);
}

#[test]
fn debug_shows_a_count_and_nothing_else() {
    assert_eq!(
        format!("{:?}", store().0),
        "MemoryStore { sessions: 0, .. }"
    );
}
