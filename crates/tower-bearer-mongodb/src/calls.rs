//! The calls of the server, each with a deadline.

use std::time::Duration;

use mongodb::{
    Collection, Database,
    bson::{Bson, Document, doc},
    error::Result as DriverResult,
    options::{
        Acknowledgment, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria,
        WriteConcern,
    },
};

use tower_bearer::{
    clock::Timestamp,
    store::{StoreError, StoreErrorKind},
};

use crate::{
    MongoOptions, document,
    error::{failed, failed_by_code, failed_concern, unexpected},
    statements::NOW,
};

/// The collection, as the store uses it.
#[derive(Clone)]
pub(crate) struct Calls {
    database: Database,
    pub(crate) sessions: Collection<Document>,
    /// The same collection, for loads.
    pub(crate) loads: Collection<Document>,
    /// The collection of key rings, which are loaded as sessions are.
    pub(crate) rings: Collection<Document>,
    pub(crate) timeout: Duration,
}

impl Calls {
    /// `is_replicated` says whether the server is a member of a replica set, or routes to such.
    pub(crate) fn new(database: Database, options: &MongoOptions, is_replicated: bool) -> Self {
        let collection = |name: &str, concern: ReadConcern| {
            let settings = CollectionOptions::builder()
                .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
                .write_concern(write_concern(options.timeout))
                // A server that stands alone has only what it has, and knows no concern.
                .read_concern(match is_replicated {
                    true => concern,
                    false => ReadConcern::local(),
                })
                .build();
            database.collection_with_options(name, settings)
        };
        let loads = match options.linearizable_loads {
            true => ReadConcern::linearizable(),
            false => ReadConcern::majority(),
        };
        let name = &options.collection;
        Self {
            sessions: collection(name, ReadConcern::majority()),
            rings: collection(&format!("{name}_rings"), loads.clone()),
            loads: collection(name, loads),
            timeout: options.timeout,
            database,
        }
    }

    /// Gives up on the call after the timeout. The driver closes a connection whose answer nobody
    /// has waited for.
    pub(crate) async fn in_time<T, Call>(&self, call: Call) -> Result<T, StoreError>
    where
        Call: IntoFuture<Output = DriverResult<T>>,
    {
        match tokio::time::timeout(self.timeout, call.into_future()).await {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(elapsed) => Err(StoreError::with_source(StoreErrorKind::Timeout, elapsed)),
        }
    }

    /// The time by the server's clock.
    pub(crate) async fn now(&self) -> Result<Timestamp, StoreError> {
        let hello = self.database.run_command(doc! { "hello": 1 });
        let hello = self.in_time(hello).await?;
        document::time(&hello, "localTime").map_err(|_| unexpected())
    }

    /// The time that the answer tells, or that of now where it tells none.
    pub(crate) async fn time_of(&self, answer: Option<&Document>) -> Result<Timestamp, StoreError> {
        match answer.map(|answer| document::time(answer, NOW)) {
            Some(Ok(now)) => Ok(now),
            _ => self.now().await,
        }
    }

    /// Makes one update of the session that the filter finds, and tells whether there was one.
    pub(crate) async fn update(&self, of: Document, by: Document) -> Result<bool, StoreError> {
        let updated = self.in_time(self.sessions.update_one(of, by)).await?;
        Ok(updated.matched_count > 0)
    }

    /// Makes several updates by one command, in any order. One that meets a document which is not
    /// as the store writes it is left out.
    pub(crate) async fn update_all(&self, updates: Vec<Document>) -> Result<(), StoreError> {
        let command = doc! {
            "update": self.sessions.name(),
            "updates": updates,
            "ordered": false,
            "writeConcern": {
                "w": "majority", "j": true, "wtimeout": millis(self.timeout),
            },
        };
        let answer = self.in_time(self.database.run_command(command)).await?;
        if let Ok(errors) = answer.get_array("writeErrors") {
            let errors = errors.iter().map(|error| failed_by_code(code(Some(error))));
            let kinds = [StoreErrorKind::Corrupt, StoreErrorKind::Unstorable];
            if let Some(error) = errors.into_iter().find(|it| !kinds.contains(&it.kind())) {
                return Err(error);
            }
        }
        match answer.get("writeConcernError") {
            None => Ok(()),
            error => Err(failed_concern(code(error))),
        }
    }
}

/// What every write waits for: that a majority of the servers have it in their journals.
fn write_concern(timeout: Duration) -> WriteConcern {
    WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .w_timeout(timeout)
        .build()
}

fn code(error: Option<&Bson>) -> i32 {
    let code = error.and_then(Bson::as_document);
    let code = code.and_then(|error| error.get("code"));
    let code = code.and_then(document::integer_of);
    code.and_then(|code| code.try_into().ok()).unwrap_or(0)
}

fn millis(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX)
}
