//! What is Redis' own, on servers that the tests start.

mod conforming;
mod expiring;
mod faults;
mod full;
mod measuring;
mod opening;
mod replicas;
mod rows;
mod scripts;
#[cfg(feature = "tracing")]
mod warning;

use std::{future::Future, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tower_bearer::{
    SessionId,
    clock::Timestamp,
    error::ConfigErrorKind,
    store::{
        RevokeReason, Revoked, Session, SessionSecret, SessionStore, StoreError, StoreErrorKind,
        Swap,
    },
};
use tower_bearer_redis::{RedisOptions, RedisStore};
use uuid::Uuid;

use crate::servers::redis::Redis;

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
fn session(number: u128, now: Timestamp) -> Session {
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id(number), ISSUER, "ada", secret, now);
    session.expires_at = now + HOUR;
    session.ends_at = now + 2 * HOUR;
    session
}

/// What a rotation makes of a session.
fn rotated(session: &Session) -> Session {
    let mut next = session.clone();
    next.generation += 1;
    next.version += 1;
    next
}

async fn now(store: &RedisStore) -> Timestamp {
    store.now().await.expect("the store tells the time")
}

/// Inserts a session of `ada`.
async fn insert(store: &RedisStore, number: u128) -> Session {
    let session = session(number, now(store).await);
    store.insert(&session).await.expect("the store inserts");
    session
}

async fn find(store: &RedisStore, number: u128) -> Option<Session> {
    let loaded = store.load(id(number)).await;
    loaded.expect("the store loads").session
}

async fn load(store: &RedisStore, number: u128) -> Session {
    find(store, number).await.expect("the session is there")
}

async fn swap(store: &RedisStore, expected: u64, next: &Session) -> Swap {
    let swap = store.swap(expected, next).await;
    swap.expect("the store swaps")
}

async fn end(store: &RedisStore, number: u128) -> bool {
    let ended = store.end(id(number), RevokeReason::Logout).await;
    ended.expect("the store ends")
}

async fn end_all(store: &RedisStore) -> Result<Vec<SessionId>, StoreError> {
    store.end_all(ISSUER, "ada", RevokeReason::Logout).await
}

/// The identifiers of the live sessions of `ada`.
async fn live(store: &RedisStore) -> Vec<SessionId> {
    let listed = store.list(ISSUER, "ada", None, usize::MAX).await;
    let sessions = listed.expect("the store lists").sessions;
    sessions.iter().map(|session| session.id).collect()
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
async fn failures(store: &RedisStore) -> [StoreErrorKind; 7] {
    let first = session(1, Timestamp::from_secs(4_000_000_000));
    [
        kind(store.insert(&first).await),
        kind(store.load(first.id).await),
        kind(store.swap(0, &rotated(&first)).await),
        kind(store.confirm(&[(first.id, 0)]).await),
        kind(store.end(first.id, RevokeReason::Logout).await),
        kind(end_all(store).await),
        kind(store.list(ISSUER, "ada", None, 9).await),
    ]
}

async fn refused(
    opening: impl Future<Output = Result<RedisStore, tower_bearer::error::ConfigError>>,
) -> &'static str {
    match opening.await.expect_err("the store is refused").kind() {
        ConfigErrorKind::Store(why) => why,
        other => panic!("{other:?}"),
    }
}
