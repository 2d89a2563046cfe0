//! Several stores as one, while their number changes and while it does not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tower_bearer::{
    SessionId,
    clock::{Clock, ManualClock, Timestamp},
    store::{
        EndReason, Listed, Loaded, MemoryStore, Record, SessionState, SessionStore, ShardedStore,
        StoreError, Swap,
    },
};
use tower_bearer_conformance::Fixture;

use super::{ageing::Forgetful, support::START};

pub(crate) struct Sharded<St> {
    store: St,
    clock: ManualClock,
    deletes_by_itself: bool,
}

/// Three shards that stay as they are.
pub(crate) async fn of_three() -> Sharded<ShardedStore> {
    let clock = ManualClock::new(START);
    let shard = || MemoryStore::with_clock(clock.clone());
    let store = ShardedStore::builder()
        .shard("one", shard())
        .shard("two", shard())
        .shard("three", shard());
    Sharded {
        store: store.open().await.expect("its shards are new"),
        clock,
        deletes_by_itself: false,
    }
}

/// One shard leaves and another joins. Each call is made by one of two servers, by turns: the one moves
/// sessions, and the other has not been told to.
pub(crate) async fn changing() -> Sharded<Forgetful<ByTurns>> {
    let clock = ManualClock::new(START);
    let [leaves, stays, joins] = [(); 3].map(|()| MemoryStore::with_clock(clock.clone()));
    let announced = || {
        ShardedStore::builder()
            .leaving("one", leaves.clone())
            .shard("two", stays.clone())
            .joining("three", joins.clone())
    };
    let servers = [
        announced().open().await.expect("its shards are new"),
        announced().move_sessions().open().await.expect("announced"),
    ];
    Sharded {
        store: Forgetful(ByTurns {
            servers,
            turn: Arc::default(),
        }),
        clock,
        // What a move leaves behind is deleted too, and would be counted.
        deletes_by_itself: true,
    }
}

impl<St: SessionStore + Clone> Fixture for Sharded<St> {
    type Store = St;

    fn store(&self) -> &St {
        &self.store
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.clock.set(self.clock.now() - by);
        true
    }

    fn histories(&self) -> u32 {
        500
    }

    fn deletes_by_itself(&self) -> bool {
        self.deletes_by_itself
    }

    fn deletes_in_order(&self) -> bool {
        false
    }
}

/// Two servers that take turns.
#[derive(Clone)]
pub(crate) struct ByTurns {
    servers: [ShardedStore; 2],
    turn: Arc<AtomicUsize>,
}

impl ByTurns {
    /// Not one after the other, or each would always make the same calls.
    fn server(&self) -> &ShardedStore {
        let turn = self.turn.fetch_add(1, Relaxed);
        let [announced, moving] = &self.servers;
        match (turn ^ (turn >> 1) ^ (turn >> 3)) % 2 {
            0 => announced,
            _ => moving,
        }
    }
}

impl SessionStore for ByTurns {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.server().now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.server().insert(record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        self.server().load(id).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        self.server().swap(id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.server().confirm(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.server().end(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.server().end_all(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.server().list(issuer, subject, before, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.server().ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.server().delete_expired(limit).await
    }
}
