//! What lists read, page by page, so that no answer is large and none takes long.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Listed, StoreError},
};

use crate::{MongoStore, document, open::by_bytes, statements};

/// How many sessions a page of a list has. A session may take 200 KiB.
const LISTED: usize = 64;
/// How many of the sessions that were ended a page has.
const ENDED: usize = 1000;
/// How many sessions are deleted at a time.
const DELETED: usize = 500;

impl MongoStore {
    pub(crate) async fn list_live(
        &self,
        issuer: &str,
        subject: &str,
        mut before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let now = self.calls.now().await?;
        let mut records = Vec::new();
        while records.len() < limit {
            let size = LISTED.min(limit - records.len());
            let live = statements::live(issuer, subject, before);
            let live = statements::unexpired(live, now);
            let page = self.live_page(live, statements::whole(), size).await?;
            let is_last = page.len() < size;
            for document in &page {
                records.push(document::read(document)?);
            }
            if is_last {
                break;
            }
            before = records.last().map(|record| record.session.id);
        }
        Ok(Listed::new(records, now))
    }

    /// At most `size` of the sessions that a filter of live ones finds, newest first.
    pub(crate) async fn live_page(
        &self,
        live: Document,
        fields: Document,
        size: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let find = self
            .calls
            .sessions
            .find(live)
            .sort(doc! { "_id": -1 })
            .projection(fields)
            .collation(by_bytes());
        self.page(find, size).await
    }

    pub(crate) async fn page(
        &self,
        find: mongodb::action::Find<'_, Document>,
        size: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let limit = i64::try_from(size).unwrap_or(i64::MAX);
        let find = find
            .limit(limit)
            .batch_size(u32::try_from(size).unwrap_or(u32::MAX))
            .max_time(self.calls.timeout);
        let page = async { find.await?.try_collect::<Vec<Document>>().await };
        self.calls.in_time(Box::pin(page)).await
    }

    pub(crate) async fn those_ended_since(
        &self,
        mut since: Timestamp,
        mut after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let mut ended = Vec::new();
        while ended.len() < limit {
            let size = ENDED.min(limit - ended.len());
            let find = self
                .calls
                .sessions
                .find(statements::ended_since(since, after))
                .sort(doc! { "ended_at": 1, "_id": 1 })
                .projection(doc! { "ended_at": 1 })
                .collation(by_bytes());
            let page = self.page(find, size).await?;
            let is_last = page.len() < size;
            for document in &page {
                let at = document::time(document, "ended_at")?;
                ended.push((document::id(document)?, at));
            }
            match ended.last() {
                Some((id, at)) if !is_last => (since, after) = (*at, Some(*id)),
                _ => break,
            }
        }
        Ok(ended)
    }

    pub(crate) async fn delete_those_over(&self, limit: usize) -> Result<usize, StoreError> {
        let over = statements::over(self.calls.now().await?);
        let mut deleted = 0;
        while deleted < limit {
            let size = DELETED.min(limit - deleted);
            let find = self.calls.sessions.find(over.clone());
            let find = find
                .sort(doc! { "ends_at": 1 })
                .projection(doc! { "_id": 1 });
            let page = self.page(find, size).await?;
            let is_last = page.len() < size;
            let ids = page.iter().filter_map(|document| document.get("_id"));
            let ids: Vec<_> = ids.cloned().collect();
            if !ids.is_empty() {
                // The identifier of a deleted session is free: it may be another's by now.
                let mut these = over.clone();
                these.insert("_id", doc! { "$in": ids });
                let gone = self
                    .calls
                    .in_time(self.calls.sessions.delete_many(these))
                    .await?;
                deleted += usize::try_from(gone.deleted_count).unwrap_or(usize::MAX);
            }
            if is_last {
                break;
            }
        }
        Ok(deleted)
    }
}
