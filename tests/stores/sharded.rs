//! Several stores as one, while their number changes and while it does not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tests_shared::picking::Picking;
use tower_bearer::{
    clock::{Clock, ManualClock},
    store::{MemoryStore, SessionStore, ShardedStore},
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
pub(crate) async fn changing() -> Sharded<Forgetful<impl SessionStore + Clone>> {
    let clock = ManualClock::new(START);
    let [leaves, stays, joins] = [(); 3].map(|()| MemoryStore::with_clock(clock.clone()));
    let announced = || {
        ShardedStore::builder()
            .leaving("one", leaves.clone())
            .shard("two", stays.clone())
            .joining("three", joins.clone())
    };
    let before = announced().open().await.expect("its shards are new");
    let moving = announced()
        .move_sessions(true)
        .open()
        .await
        .expect("announced");
    let turn = Arc::new(AtomicUsize::new(0));
    let by_turns = move || {
        let turn = turn.fetch_add(1, Relaxed);
        // Not one after the other, or each would always make the same calls.
        match (turn ^ (turn >> 1) ^ (turn >> 3)) % 2 {
            0 => before.clone(),
            _ => moving.clone(),
        }
    };
    Sharded {
        store: Forgetful(Picking(by_turns)),
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
