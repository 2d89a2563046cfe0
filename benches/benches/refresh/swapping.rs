//! [`Swapping`]: a client of a store whose session is swapped all the time.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    store::{Record, Session, SessionSecret, SessionState, SessionStore, Swap},
};
use tower_bearer_benches::crowd::Client;
use uuid::Uuid;

pub(crate) struct Swapping<St> {
    store: St,
    record: Record,
}

impl<St: SessionStore> Swapping<St> {
    pub(crate) async fn new(store: St) -> Self {
        let record = kept(&store).await;
        Self { store, record }
    }
}

impl<St: SessionStore> Client for Swapping<St> {
    async fn once(&mut self) {
        let expected = self.record.state.version;
        rotate(&mut self.record);
        let Record { session, state } = &self.record;
        let swap = self.store.swap(session.id, expected, state).await;
        assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    }
}

/// A session that the store keeps.
pub(crate) async fn kept(store: &impl SessionStore) -> Record {
    let now = store.now().await.expect("the time");
    let record = record(now);
    store.insert(&record).await.expect("it is kept");
    record
}

fn record(now: Timestamp) -> Record {
    let id = SessionId::from_uuid(Uuid::now_v7());
    let subject = Uuid::now_v7().to_string();
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id, "https://id.example", subject, secret, now);
    session.ends_at = now + Duration::from_secs(7_200);
    session.scope = "read write".parse().expect("a scope");
    session.client_id = Some("web".to_owned());
    let state = SessionState::new(now + Duration::from_secs(3_600));
    Record { session, state }
}

/// Makes of a session what a rotation does.
pub(crate) fn rotate(record: &mut Record) {
    let Record { session, state } = record;
    let now = state.rotated_at.unwrap_or(session.created_at) + Duration::from_millis(1);
    state.generation += 1;
    state.rotated_at = Some(now);
    state.delivered_at = Some(now);
    state.expires_at = state.expires_at + Duration::from_millis(1);
    state.last_refreshed_at = Some(now);
    state.version += 1;
}
