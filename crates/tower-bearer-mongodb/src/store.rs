use std::fmt;

use mongodb::Database;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Listed, Loaded, OpenError, Record, SessionState, SessionStore, StoreError, Swap,
    },
};

use crate::{MongoOptions, calls::Calls, document, open, statements};

/// How many confirmations go in one command.
const BATCH: usize = 256;

/// Keeps sessions in MongoDB.
#[derive(Clone)]
pub struct MongoStore {
    pub(crate) calls: Calls,
}

impl MongoStore {
    /// Connects to the deployment at an address, `mongodb://user:password@host:27017/database`.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, MongoOptions::new()).await
    }

    /// Like [`connect`](Self::connect), with other options.
    pub async fn connect_with(address: &str, options: MongoOptions) -> Result<Self, OpenError> {
        let calls = open::open(address, &options).await?;
        Ok(Self { calls })
    }

    /// Uses a database of the application's.
    pub async fn new(database: Database) -> Result<Self, OpenError> {
        Self::new_with(database, MongoOptions::new()).await
    }

    /// Like [`new`](Self::new), with other options.
    pub async fn new_with(database: Database, options: MongoOptions) -> Result<Self, OpenError> {
        let calls = open::over(database, &options).await?;
        Ok(Self { calls })
    }
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore")
            .field("collection", &self.calls.sessions.name())
            .finish_non_exhaustive()
    }
}

impl SessionStore for MongoStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.calls.now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let insert = self.calls.sessions.insert_one(document::new(record)?);
        self.calls.in_time(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let find = self.calls.loads.find_one(statements::by_id(id));
        let find = find
            .projection(statements::whole())
            .max_time(self.calls.timeout);
        let found = self.calls.in_time(find).await?;
        let now = self.calls.time_of(found.as_ref()).await?;
        let record = found.as_ref().map(document::read).transpose()?;
        Ok(Loaded::new(record, now))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        // No document has a version above 2^63 - 1.
        let Ok(expected) = document::version(expected) else {
            return Ok(Swap::Lost);
        };
        let of = statements::at_version(id, expected);
        match self.calls.update(of, statements::swap(next)?).await? {
            true => Ok(Swap::Swapped),
            false => Ok(Swap::Lost),
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for batch in pairs.chunks(BATCH) {
            let updates = batch.iter();
            let updates = updates.map(|(id, generation)| statements::confirm(*id, *generation));
            self.calls.update_all(updates.collect()).await?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.end_one(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.end_subject(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.list_live(issuer, subject, before, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.those_ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.delete_those_over(limit).await
    }
}
