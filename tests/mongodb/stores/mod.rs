//! What is MongoDB's own: on nx-27017, which the tests start, and on a server that answers as a test
//! says.

mod clocked;
mod commands;
mod conforming;
mod documents;
mod ending;
mod failing;
mod opening;
mod rings;
mod scripted;

use std::{future::Future, time::Duration};

use mongodb::bson::doc;
use scripted::{Scripted, found};
use tower_bearer::{
    SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, OpenError, Record, RingStore, SealedRing, Session, SessionSecret,
        SessionState, SessionStore, StoreError, StoreErrorKind, Swap,
    },
};
use tower_bearer_mongodb::{MongoOptions, MongoStore};
use uuid::Uuid;

use crate::server::Nx27017;

const ISSUER: &str = "https://id.example";
const COLLECTION: &str = "tower_bearer_sessions";
const HOUR: Duration = Duration::from_secs(3_600);

/// With patience: the machine may be busy with other tests.
async fn open(server: &Nx27017) -> MongoStore {
    let options = MongoOptions::new().timeout(Duration::from_secs(20));
    let store = MongoStore::connect_with(&server.url(), options).await;
    store.expect("the store opens")
}

async fn open_at(url: &str) -> MongoStore {
    MongoStore::connect(url).await.expect("the store opens")
}

/// A server on which a store can be opened.
async fn ready() -> Scripted {
    let server = Scripted::start().await;
    server.answer("find", found(vec![doc! { "_id": "format", "format": 2 }]));
    server
}

/// A store on a server that says that it is a replica set's.
async fn on_a_replica_set() -> (Scripted, MongoStore) {
    let server = ready().await;
    let store = open_at(&server.url()).await;
    server.script(|_| None);
    (server, store)
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
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

async fn now(store: &MongoStore) -> Timestamp {
    store.now().await.expect("the store tells the time")
}

/// Inserts a session of `ada`.
async fn insert(store: &MongoStore, number: u128) -> Record {
    let record = record(number, now(store).await);
    store.insert(&record).await.expect("the store inserts");
    record
}

async fn load(store: &MongoStore, number: u128) -> Record {
    let loaded = store.load(id(number)).await.expect("the store loads");
    loaded.record.expect("the session is there")
}

async fn swap(store: &MongoStore, expected: u64, next: &Record) -> Swap {
    let swap = store.swap(next.session.id, expected, &next.state).await;
    swap.expect("the store swaps")
}

async fn end(store: &MongoStore, number: u128) -> bool {
    let ended = store.end(id(number), EndReason::Logout).await;
    ended.expect("the store ends")
}

async fn end_all(store: &MongoStore) -> Result<Vec<SessionId>, StoreError> {
    store.end_all(ISSUER, "ada", None, EndReason::Logout).await
}

/// The identifiers of the live sessions of `ada`, highest first.
async fn live(store: &MongoStore) -> Vec<SessionId> {
    let listed = store.list(ISSUER, "ada", None, usize::MAX).await;
    let sessions = listed.expect("the store lists").records;
    sessions.iter().map(|record| record.session.id).collect()
}

/// The kind of a failure.
#[track_caller]
fn kind<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    match result {
        Ok(_) => panic!("it did not fail"),
        Err(error) => error.kind(),
    }
}

/// Why a store is not opened.
async fn refused(opening: impl Future<Output = Result<MongoStore, OpenError>>) -> String {
    let error = opening.await.expect_err("the store is refused");
    let told = format!("{error:?}");
    assert!(!told.contains("hunter2") && !told.contains('\n'), "{told}");
    let why = error.to_string();
    let why = why.strip_prefix("the store cannot be opened: ");
    why.expect("what cannot be done").to_owned()
}
