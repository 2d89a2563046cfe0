use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::{
    clock::ManualClock,
    store::{Session, SessionSecret},
};

const START: Timestamp = Timestamp::from_secs(1_000);
const ISSUER: &str = "https://id.example";

fn record(number: u128, subject: &str) -> Record {
    let id = SessionId::from_uuid(Uuid::from_u128(number));
    let secret = SessionSecret::from_bytes([7; 32]);
    let mut session = Session::new(id, ISSUER, subject, secret, START);
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

/// Asserts that each session is in the indexes where it belongs, and that they hold nothing else.
fn assert_indexed(store: &MemoryStore) {
    let (mut live, mut ended) = (0, 0);
    for shard in &store.0.shards {
        for (id, kept) in &*lock(shard) {
            assert!(lock(&store.0.ends).has(kept), "{id:?} is not cleaned up");
            if let Some(end) = kept.ended() {
                ended += 1;
                let index = lock(&store.0.ended);
                let found = index
                    .since(end.at, None)
                    .any(|found| found == (*id, end.at));
                assert!(found, "{id:?} is not told of");
            } else {
                live += 1;
                let index = lock(&store.0.subjects);
                let mut listed = index.below(kept.issuer(), &kept.subject, None);
                assert!(listed.any(|listed| listed == *id), "{id:?} is not listed");
            }
        }
    }
    assert_eq!(lock(&store.0.subjects).len(), live);
    assert_eq!(lock(&store.0.ended).len(), ended);
    assert_eq!(lock(&store.0.ends).len(), live + ended);
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_session_is_in_the_indexes_where_it_belongs() {
    let (store, clock) = store();
    for round in 0_u32..3 {
        // The identifiers come again, with another subject each.
        for number in 0..300 {
            let subject = format!("user {}", (number + u128::from(round)) % 3);
            store.insert(&record(number, &subject)).await.unwrap();
        }
        assert_indexed(&store);
        assert!(store.end(id(7), EndReason::Logout).await.unwrap());
        let mut next = record(8, "").state;
        next.version = 1;
        next.ended = Some(Ended::new(clock.now(), EndReason::Reuse));
        assert_eq!(store.swap(id(8), 0, &next).await.unwrap(), Swap::Swapped);
        let end_others = store.end_all(ISSUER, "user 0", Some(id(9)), EndReason::Logout);
        assert!(end_others.await.unwrap().len() > 90);
        assert_indexed(&store);

        clock.advance(MINUTE);
        assert_eq!(store.delete_expired(150).await.unwrap(), 150);
        assert_indexed(&store);
        assert_eq!(store.delete_expired(usize::MAX).await.unwrap(), 150);
        assert_indexed(&store);
        assert_eq!(counts(&store), (0, 0));
        clock.set(START);
    }
}

#[tokio::test]
async fn the_highest_version_stays_and_ends() {
    let (store, _) = store();
    for number in [1, 2] {
        let mut given = record(number, "ada");
        given.state.version = u64::MAX;
        store.insert(&given).await.unwrap();
        let mut next = given.state.clone();
        next.ended = Some(Ended::new(START, EndReason::Reuse));
        store.confirm(&[(id(number), 0)]).await.unwrap();
        match number {
            1 => assert!(store.end(id(1), EndReason::Logout).await.unwrap()),
            _ => assert_eq!(
                store.swap(id(2), u64::MAX, &next).await.unwrap(),
                Swap::Swapped
            ),
        }
        let kept = store.load(id(number)).await.unwrap().record.unwrap();
        assert_eq!(kept.state.version, u64::MAX);
        assert!(kept.state.ended.is_some());
    }
}

#[tokio::test]
async fn a_session_that_is_ended_while_it_is_deleted_leaves_nothing() {
    let (store, clock) = store();
    store.insert(&record(1, "ada")).await.unwrap();
    clock.advance(MINUTE);
    // A clean-up has found it and comes to remove it only after the end.
    let found = lock(&store.0.ends).pop(clock.now());
    assert!(store.end(id(1), EndReason::Logout).await.unwrap());
    assert!(store.0.remove(found.unwrap()).is_some());
    assert_eq!(counts(&store), (0, 0));
    assert_indexed(&store);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_meet_leave_the_indexes_whole() {
    const SESSIONS: u128 = 40;
    let (store, clock) = store();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0_u128..8 {
        let (store, clock) = (store.clone(), clock.clone());
        writers.spawn(async move {
            for turn in 0_u128..400 {
                // Each has an order of its own.
                let number = (turn * (2 * writer + 1) + writer) % SESSIONS;
                let subject = if number.is_multiple_of(2) {
                    "ada"
                } else {
                    "eve"
                };
                match (turn + writer) % 8 {
                    0..3 => drop(store.insert(&fresh(number, subject, clock.now())).await),
                    3 => _ = store.end(id(number), EndReason::Logout).await.unwrap(),
                    4 => {
                        let end_all =
                            store.end_all(ISSUER, subject, Some(id(number)), EndReason::Logout);
                        end_all.await.unwrap();
                    }
                    5 => _ = store.delete_expired(3).await.unwrap(),
                    6 => {
                        let listed = store.list(ISSUER, subject, None, 100).await.unwrap();
                        let ids = listed.records.iter().map(|record| record.session.id);
                        assert!(ids.is_sorted_by(|one, next| one > next));
                    }
                    _ => clock.advance(MINUTE / 8),
                }
                tokio::task::yield_now().await;
            }
        });
    }
    writers.join_all().await;
    assert_indexed(&store);
    clock.advance(MINUTE);
    store.delete_expired(usize::MAX).await.unwrap();
    assert_indexed(&store);
    assert_eq!(counts(&store), (0, 0));
}

/// A session that begins now.
fn fresh(number: u128, subject: &str, now: Timestamp) -> Record {
    let mut record = record(number, subject);
    record.session.ends_at = now + MINUTE;
    record.state.expires_at = record.session.ends_at;
    record
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
async fn a_session_that_comes_in_ended_is_indexed_as_one() {
    let (store, clock) = store();
    let mut ended = record(1, "ada");
    ended.end(Ended::new(START, EndReason::Logout));
    store.insert(&ended).await.unwrap();
    assert_indexed(&store);
    assert_eq!(
        store.ended_since(START, None, 10).await.unwrap(),
        [(ended.session.id, START)]
    );
    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(10).await.unwrap(), 1);
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
    let live = store.list(ISSUER, "ada", None, 10).await.unwrap().records;
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
