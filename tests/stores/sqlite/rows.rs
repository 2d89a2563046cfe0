//! Sessions to keep, and a store's calls in a word.

use super::*;

pub(super) const HOUR: Duration = Duration::from_secs(3_600);

impl Setup<SqliteStore> {
    pub(super) async fn load(&self, id: SessionId) -> Record {
        self.find(id).await.expect("the session is there")
    }

    pub(super) async fn find(&self, id: SessionId) -> Option<Record> {
        self.store.load(id).await.expect("the store loads").record
    }

    pub(super) async fn insert(&self, record: &Record) {
        self.store.insert(record).await.expect("the store inserts");
    }

    pub(super) async fn swap(&self, expected: u64, next: &Record) -> Swap {
        let Record { session, state } = next;
        let swap = self.store.swap(session.id, expected, state).await;
        swap.expect("the store swaps")
    }

    /// The identifiers of the live sessions of `subject`.
    pub(super) async fn live(&self, subject: &str) -> Vec<SessionId> {
        let listed = self.store.list(ISSUER, subject, None, usize::MAX).await;
        let records = listed.expect("the store lists").records;
        records.iter().map(|record| record.session.id).collect()
    }
}

pub(super) fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// A session that is live for an hour and ends after two.
pub(super) fn record(number: u128, subject: &str) -> Record {
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id(number), ISSUER, subject, secret, START);
    session.ends_at = START + 2 * HOUR;
    let state = SessionState::new(START + HOUR);
    Record { session, state }
}

/// A session of more than 64 KiB.
pub(super) fn long_record(number: u128) -> Record {
    let mut record = record(number, "ada");
    let note = "ü".repeat(32 * 1024);
    record.session.metadata = [("note".to_owned(), note)].into();
    record
}

/// What a rotation makes of a session.
pub(super) fn rotated(record: &Record) -> Record {
    let mut next = record.clone();
    next.state.generation += 1;
    next.state.rotated_at = Some(START);
    next.state.delivered_at = Some(START);
    next.state.version += 1;
    next
}
