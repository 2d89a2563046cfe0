//! [`Table`]: the sessions of a store, and what is done to them beside it.

use std::time::Duration;

use tokio::task::JoinSet;
use tower_bearer::{
    clock::Timestamp,
    store::{Record, SessionStore},
};

/// How many sessions are written at a time.
const WRITERS: usize = 64;

/// The sessions of a store.
pub(crate) trait Table: Send + Sync {
    type Store: SessionStore + Clone;

    fn store(&self) -> &Self::Store;

    /// Keeps the sessions, and beside each of them copies of it, so that the table has so many
    /// times as many. A copy has an identifier and a subject of its own.
    fn fill(&mut self, records: &[Record], times: usize) -> impl Future<Output = ()> + Send;

    /// Adds so many copies of a session that is kept, which end at this time.
    fn add_ending(
        &self,
        alike: &Record,
        count: usize,
        ends_at: Timestamp,
    ) -> impl Future<Output = ()> + Send;

    /// Does what the database would do later: until then, other figures would be measured.
    fn settle(&self) -> impl Future<Output = ()> + Send;

    /// What the sessions and their indexes take.
    fn bytes(&self) -> impl Future<Output = u64> + Send;

    /// Deletes the sessions that have ended, as a server does, and tells how many.
    fn clean_up(&self) -> impl Future<Output = usize> + Send;
}

/// Keeps sessions in the store, many at a time.
pub(crate) async fn keep<St: SessionStore + Clone>(store: &St, records: &[Record]) {
    let mut writers = JoinSet::new();
    for part in records.chunks(records.len().div_ceil(WRITERS)) {
        let (store, part) = (store.clone(), part.to_vec());
        writers.spawn(async move {
            for record in part {
                store.insert(&record).await.expect("it is kept");
            }
        });
    }
    writers.join_all().await;
}

/// Deletes as `Sessions::clean_up` does, in batches of as many, and tells how many that were.
pub(crate) async fn delete_expired(store: &impl SessionStore) -> usize {
    const BATCH: usize = 500;
    let mut all = 0;
    loop {
        let deleted = store.delete_expired(BATCH).await.expect("it deletes");
        all += deleted;
        if deleted < BATCH {
            return all;
        }
        tokio::task::yield_now().await;
    }
}

/// How far the end of new sessions is away that are to be seen before it.
pub(crate) const SOON: Duration = Duration::from_secs(10);
