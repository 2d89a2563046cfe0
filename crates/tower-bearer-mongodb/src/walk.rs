//! Lists all sessions, newest first.

use mongodb::{
    bson::{Document, doc},
    options::Hint,
};

use tower_bearer::store::{Cursor, ListedAll, StoreError};

use crate::{MongoStore, document, statements};

/// The most documents that one call looks at.
const WALKED: u64 = 2_000;
/// The most sessions that one call gives. A session may take 200 KiB.
const GIVEN: usize = 64;

impl MongoStore {
    /// Goes by the index of `_id`. The edge is the last document to look at.
    pub(crate) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let below = statements::below(after.map(Cursor::session_id).transpose()?);
        let now = self.calls.now().await?;
        let edge = self.edge(&below).await?;
        let live = statements::live_of(&below, edge.as_deref(), issuer);
        let find = self
            .calls
            .sessions
            .find(statements::unexpired(live, now))
            .sort(newest_first())
            .hint(by_id())
            .projection(statements::whole());
        let limit = limit.min(GIVEN);
        let page = self.page(find, limit).await?;
        let last = page.last().map(document::id).transpose()?;
        let next = match last.filter(|_| page.len() == limit) {
            Some(last) => Some(last.into()),
            None => edge.map(|edge| edge.parse()).transpose()?,
        };
        // The collection may compare texts in a way of its own.
        let mut records = Vec::with_capacity(page.len());
        for document in &page {
            let record = document::read(document)?;
            if record.session.issuer == issuer {
                records.push(record);
            }
        }
        Ok(ListedAll::new(records, next, now))
    }

    pub(crate) async fn has_any(&self) -> Result<bool, StoreError> {
        let find = self
            .calls
            .sessions
            .find(doc! {})
            .projection(doc! { "_id": 1 });
        Ok(!self.page(find, 1).await?.is_empty())
    }

    async fn edge(&self, below: &Document) -> Result<Option<String>, StoreError> {
        let find = self
            .calls
            .sessions
            .find(below.clone())
            .sort(newest_first())
            .hint(by_id())
            .skip(WALKED - 1)
            .projection(doc! { "_id": 1 });
        let edge = self.page(find, 1).await?;
        let edge = edge.first().map(document::id).transpose()?;
        Ok(edge.map(|edge| edge.to_string()))
    }
}

fn newest_first() -> Document {
    doc! { "_id": -1 }
}

/// With the index of live sessions, the server would have to sort all of them.
fn by_id() -> Hint {
    Hint::Keys(doc! { "_id": 1 })
}
