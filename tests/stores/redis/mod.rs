//! What is Redis' own, on servers that the tests start.

mod cluster;
mod conforming;
mod ending;
mod expiring;
mod faults;
mod full;
mod measuring;
mod opening;
mod refusals;
mod replicas;
mod rings;
mod rows;
mod scripted;
mod scripts;
mod several;
mod walking;
#[cfg(feature = "tracing")]
mod warning;

use std::{collections::BTreeSet, future::Future, time::Duration};

use tests_shared::servers::redis::Redis;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tower_bearer::{
    SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Ended, PrivateClaims, Record, RingStore, SealedRing, Session,
        SessionSecret, SessionState, SessionStore, StoreError, StoreErrorKind, Swap,
    },
};
use tower_bearer_redis::{RedisOptions, RedisStore};
use uuid::Uuid;

const ISSUER: &str = "https://id.example";
const HOUR: Duration = Duration::from_secs(3_600);

/// With patience: the machine may be busy with other tests.
async fn open(server: &Redis) -> RedisStore {
    open_with(server, RedisOptions::new().timeout(Duration::from_secs(20))).await
}

async fn open_with(server: &Redis, options: RedisOptions) -> RedisStore {
    let store = RedisStore::connect_with(&server.url(), options).await;
    store.expect("the store opens")
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// The name of the key that holds the session.
fn key(number: u128) -> String {
    format!("tower_bearer:session:{{{}}}", id(number))
}

/// The name of the key that lists the sessions of `subject`.
fn index(subject: &str) -> String {
    format!("tower_bearer:subject:18:{ISSUER}:{subject}")
}

/// A session of `ada` that is live for an hour and ends after two.
fn record(number: u128, now: Timestamp) -> Record {
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id(number), ISSUER, "ada", secret, now);
    session.ends_at = now + 2 * HOUR;
    let state = SessionState::new(now + HOUR);
    Record { session, state }
}

/// What a rotation makes of a session.
fn rotated(record: &Record) -> Record {
    let mut next = record.clone();
    next.state.generation += 1;
    next.state.version += 1;
    next
}

async fn now(store: &RedisStore) -> Timestamp {
    store.now().await.expect("the store tells the time")
}

/// Inserts a session of `ada`.
async fn insert(store: &RedisStore, number: u128) -> Record {
    let record = record(number, now(store).await);
    store.insert(&record).await.expect("the store inserts");
    record
}

async fn find(store: &RedisStore, number: u128) -> Option<Record> {
    let loaded = store.load(id(number)).await;
    loaded.expect("the store loads").record
}

async fn load(store: &RedisStore, number: u128) -> Record {
    find(store, number).await.expect("the session is there")
}

async fn swap(store: &RedisStore, expected: u64, next: &Record) -> Swap {
    let swap = store.swap(next.session.id, expected, &next.state).await;
    swap.expect("the store swaps")
}

async fn end(store: &RedisStore, number: u128) -> bool {
    let ended = store.end(id(number), EndReason::Logout).await;
    ended.expect("the store ends")
}

/// Ends the sessions of `ada`, and gives their identifiers, lowest first.
async fn end_all(store: &RedisStore) -> Result<Vec<SessionId>, StoreError> {
    let ended = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
    ended.map(|mut ids| {
        ids.sort();
        ids
    })
}

/// The sessions that were ended since `since`.
async fn ended_since(store: &RedisStore, since: Timestamp) -> Vec<(SessionId, Timestamp)> {
    let ended = store.ended_since(since, None, usize::MAX).await;
    ended.expect("the store tells what was ended")
}

/// The identifiers of the live sessions of `ada`, highest first.
async fn live(store: &RedisStore) -> Vec<SessionId> {
    let listed = store.list(ISSUER, "ada", None, usize::MAX).await;
    let sessions = listed.expect("the store lists").records;
    sessions.iter().map(|record| record.session.id).collect()
}

/// The identifiers on all pages from `after` on, and how many there were, in any order.
async fn walked(store: &RedisStore, mut after: Option<Cursor>) -> BTreeSet<SessionId> {
    let mut seen = BTreeSet::new();
    loop {
        let page = store.list_all(ISSUER, after.as_ref(), 30).await;
        let page = page.expect("the store lists all");
        assert!(page.records.len() <= 30, "{}", page.records.len());
        seen.extend(page.records.iter().map(|record| record.session.id));
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

/// The kind of a failure.
#[track_caller]
fn kind<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    match result {
        Ok(_) => panic!("it did not fail"),
        Err(error) => error.kind(),
    }
}

/// How each operation on session 1 fails, in the order of the trait, but for `now`.
async fn failures(store: &RedisStore) -> [StoreErrorKind; 9] {
    let first = record(1, Timestamp::from_secs(4_000_000_000));
    [
        kind(store.insert(&first).await),
        kind(store.load(first.session.id).await),
        kind(
            store
                .swap(first.session.id, 0, &rotated(&first).state)
                .await,
        ),
        kind(store.confirm(&[(first.session.id, 0)]).await),
        kind(store.end(first.session.id, EndReason::Logout).await),
        kind(end_all(store).await),
        kind(store.list(ISSUER, "ada", None, 9).await),
        kind(store.list_all(ISSUER, None, 9).await),
        kind(store.ended_since(Timestamp::default(), None, 9).await),
    ]
}

async fn refused(
    opening: impl Future<Output = Result<RedisStore, tower_bearer::store::OpenError>>,
) -> String {
    let error = opening.await.expect_err("the store is refused").to_string();
    let why = error.strip_prefix("the store cannot be opened: ");
    why.expect("what cannot be done").to_owned()
}
