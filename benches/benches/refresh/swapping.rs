//! [`Swapping`]: a client of a store whose session is swapped all the time.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    store::{Session, SessionSecret, SessionStore, Swap},
};
use uuid::Uuid;

use crate::crowd::Client;

pub(crate) struct Swapping<St> {
    store: St,
    session: Session,
}

impl<St: SessionStore> Swapping<St> {
    pub(crate) async fn new(store: St) -> Self {
        let session = kept(&store).await;
        Self { store, session }
    }
}

impl<St: SessionStore> Client for Swapping<St> {
    async fn once(&mut self) {
        let expected = self.session.version;
        rotate(&mut self.session);
        let swap = self.store.swap(expected, &self.session).await;
        assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    }
}

/// A session that the store keeps.
pub(crate) async fn kept(store: &impl SessionStore) -> Session {
    let now = store.now().await.expect("the time");
    let session = session(now);
    store.insert(&session).await.expect("it is kept");
    session
}

fn session(now: Timestamp) -> Session {
    let id = SessionId::from_uuid(Uuid::now_v7());
    let subject = Uuid::now_v7().to_string();
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id, "https://id.example", subject, secret, now);
    session.expires_at = now + Duration::from_secs(3_600);
    session.ends_at = now + Duration::from_secs(7_200);
    session.scope = "read write".parse().expect("a scope");
    session.client_id = Some("web".to_owned());
    session
}

/// Makes of a session what a rotation does.
pub(crate) fn rotate(session: &mut Session) {
    let now = session.rotated_at.unwrap_or(session.created_at) + Duration::from_millis(1);
    session.generation += 1;
    session.rotated_at = Some(now);
    session.delivered_at = Some(now);
    session.expires_at = session.expires_at + Duration::from_millis(1);
    session.last_refreshed_at = Some(now);
    session.version += 1;
}
