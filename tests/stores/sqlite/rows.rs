//! Sessions to keep, and a store's calls in a word.

use super::*;

pub(super) const HOUR: Duration = Duration::from_secs(3_600);

impl Setup<SqliteStore> {
    pub(super) async fn load(&self, id: SessionId) -> Session {
        self.find(id).await.expect("the session is there")
    }

    pub(super) async fn find(&self, id: SessionId) -> Option<Session> {
        self.store.load(id).await.expect("the store loads").session
    }

    pub(super) async fn insert(&self, session: &Session) {
        self.store.insert(session).await.expect("the store inserts");
    }

    pub(super) async fn swap(&self, expected: u64, next: &Session) -> Swap {
        let swap = self.store.swap(expected, next).await;
        swap.expect("the store swaps")
    }

    /// The identifiers of the live sessions of `subject`.
    pub(super) async fn live(&self, subject: &str) -> Vec<SessionId> {
        let listed = self.store.list(ISSUER, subject, None, usize::MAX).await;
        let sessions = listed.expect("the store lists").sessions;
        sessions.iter().map(|session| session.id).collect()
    }
}

pub(super) fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// A session that is live for an hour and ends after two.
pub(super) fn session(number: u128, subject: &str) -> Session {
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id(number), ISSUER, subject, secret, START);
    session.expires_at = START + HOUR;
    session.ends_at = START + 2 * HOUR;
    session
}

/// A session of more than 64 KiB.
pub(super) fn long_session(number: u128) -> Session {
    let mut session = session(number, "ada");
    let note = "ü".repeat(32 * 1024);
    session.metadata = [("note".to_owned(), note)].into();
    session
}

/// What a rotation makes of a session.
pub(super) fn rotated(session: &Session) -> Session {
    let mut next = session.clone();
    next.generation += 1;
    next.rotated_at = Some(START);
    next.delivered_at = Some(START);
    next.version += 1;
    next
}
