//! What an earlier change left behind.

use std::time::Duration;

use super::*;
use crate::store::OpenError;

const DAY: Duration = Duration::from_secs(86_400);

struct Two {
    clock: ManualClock,
    one: MemoryStore,
    two: MemoryStore,
}

impl Two {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let [one, two] = [(); 2].map(|()| MemoryStore::with_clock(clock.clone()));
        Self { clock, one, two }
    }

    async fn alone(&self) -> Result<ShardedStore, OpenError> {
        let builder = ShardedStore::builder().shard("one", self.one.clone());
        builder.open().await
    }

    async fn growing(&self) -> ShardedStore {
        self.announced().open().await.unwrap();
        self.announced().move_sessions(true).open().await.unwrap()
    }

    fn announced(&self) -> ShardedStoreBuilder {
        let builder = ShardedStore::builder().shard("one", self.one.clone());
        builder.joining("two", self.two.clone())
    }

    async fn shrinking(&self) -> ShardedStore {
        let builder = ShardedStore::builder().shard("one", self.one.clone());
        let builder = builder.leaving("two", self.two.clone());
        builder.move_sessions(true).open().await.unwrap()
    }

    /// A session that has arrived at the second shard, and whose server died before it left its row at the
    /// first one behind.
    async fn arrived(&self) -> SessionId {
        let id = moving_id(&self.growing().await);
        let mut sealed = record(id);
        sealed.state = seal::sealed(&sealed.state).unwrap();
        self.one.insert(&sealed).await.unwrap();
        self.two.insert(&record(id)).await.unwrap();
        id
    }

    /// A session that has moved from the first shard to the second.
    async fn moved(&self) -> SessionId {
        let before = self.alone().await.unwrap();
        let growing = self.growing().await;
        let id = moving_id(&growing);
        before.insert(&record(id)).await.unwrap();
        assert_eq!(live(&growing, id).await, Some(0));
        assert_eq!(live(&self.two, id).await, Some(0));
        id
    }
}

/// A session that has another home after the change.
fn moving_id(store: &ShardedStore) -> SessionId {
    let moves = |id: &SessionId| matches!(store.0.home(*id), Some(Home::Changing { .. }));
    (1..100).map(id).find(moves).unwrap()
}

/// The generation of a session that is live there.
async fn live(store: &impl SessionStore, id: SessionId) -> Option<u32> {
    let Loaded { record, now } = store.load(id).await.unwrap();
    let record = record.filter(|record| record.is_live(now) && !seal::is_sealed(&record.state))?;
    Some(record.state.generation)
}

/// A server that goes by the shards of before gives a 503 and logs nobody out.
#[tokio::test]
async fn a_server_that_was_not_told_of_a_move_says_so() {
    let two = Two::new();
    let before = two.alone().await.unwrap();
    let id = two.moved().await;
    let error = before.load(id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        why,
        "the session has moved to a shard that this server does not know of"
    );
    let listed = before.list(ISSUER, "anna", None, 10).await.unwrap();
    assert_eq!(listed.records.len(), 0);
    let ended = before.ended_since(START - 2 * DAY, None, 10).await.unwrap();
    assert_eq!(ended, []);
    // For a day.
    two.clock.advance(DAY);
    assert_eq!(before.delete_expired(10).await.unwrap(), 1);
    assert!(before.load(id).await.unwrap().record.is_none());
}

/// A session does not go back to where a row is left of it, and goes on where it is.
#[tokio::test]
async fn a_session_waits_until_there_is_room_for_it() {
    let two = Two::new();
    let id = two.moved().await;
    let shrinking = two.shrinking().await;
    assert_eq!(live(&shrinking, id).await, Some(0));
    assert_eq!(live(&two.two, id).await, Some(0), "it is where it was");

    two.clock.advance(DAY);
    two.one.delete_expired(10).await.unwrap();
    assert_eq!(live(&shrinking, id).await, Some(0));
    assert_eq!(live(&two.one, id).await, Some(0), "it has gone back");
    assert_eq!(live(&two.two, id).await, None);
}

#[tokio::test]
async fn what_cannot_be_sealed_stays() {
    let two = Two::new();
    let moved = two.moved().await;
    let growing = two.growing().await;
    let moves = |id: &SessionId| matches!(growing.0.home(*id), Some(Home::Changing { .. }));
    let id = (1..100)
        .map(id)
        .filter(|id| *id != moved)
        .find(moves)
        .unwrap();
    let mut large = record(id);
    large.state.version = 1 << 53;
    two.one.insert(&large).await.unwrap();
    assert_eq!(live(&growing, id).await, Some(0));
    assert_eq!(live(&two.one, id).await, Some(0));
    assert!(growing.end(id, EndReason::Logout).await.unwrap());

    large.state.version = 1 << 62;
    let refused = growing.insert(&large).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unstorable);
}

/// And when a later change comes, it is not taken for a session on its way.
#[tokio::test]
async fn a_row_that_stayed_sealed_goes_with_the_end_of_its_session() {
    let two = Two::new();
    let id = two.arrived().await;
    let growing = two.growing().await;
    assert!(growing.end(id, EndReason::Logout).await.unwrap());
    let row = two.one.load(id).await.unwrap().record.unwrap();
    assert!(seal::is_left_behind(&row));
}

#[tokio::test]
async fn a_row_that_stayed_sealed_makes_room_within_a_day() {
    let two = Two::new();
    let id = two.arrived().await;
    let shrinking = two.shrinking().await;
    assert_eq!(live(&shrinking, id).await, Some(0));
    two.clock.advance(DAY);
    assert_eq!(two.one.delete_expired(10).await.unwrap(), 1);
    assert_eq!(live(&shrinking, id).await, Some(0));
    assert_eq!(live(&two.one, id).await, Some(0), "it has gone back");
}

/// The row is ended while a server is about to copy the session.
#[tokio::test]
async fn the_end_of_a_sealed_row_reaches_the_copy() {
    let two = Two::new();
    let id = moving_id(&two.growing().await);
    two.one.insert(&record(id)).await.unwrap();
    let source = two.one.clone();
    let target = before(two.two.clone(), move |request| {
        let (source, is_insert) = (
            source.clone(),
            matches!(request, StoreRequest::Insert { .. }),
        );
        async move {
            if is_insert {
                source
                    .end_all(ISSUER, "anna", None, EndReason::Logout)
                    .await?;
            }
            Ok(())
        }
    });
    let builder = ShardedStore::builder().shard("one", two.one.clone());
    let builder = builder.joining("two", target);
    let moving = builder.move_sessions(true).open().await.unwrap();
    let state = moving.load(id).await.unwrap().record.unwrap().state;
    assert!(state.ended.is_some());
    assert_eq!(live(&two.two, id).await, None);
}
