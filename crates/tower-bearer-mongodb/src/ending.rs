//! How a session ends: it is looked at, and ended if it is still of the version that was seen.

use futures_util::{StreamExt, stream};
use mongodb::bson::Document;
use tokio::time::Instant;

use tower_bearer::{
    claims::SessionId,
    store::{EndReason, Ended, StoreError, StoreErrorKind},
};

use crate::{MongoStore, document, statements};

/// How many sessions of a subject are looked at together.
const PAGE: usize = 64;
/// How many of them are ended at the same time.
const AT_ONCE: usize = 8;

impl MongoStore {
    /// Ends a session, and tells whether it was not ended before. While others change it, the end is
    /// tried again, for as long as a call may wait for one answer.
    pub(crate) async fn end_one(
        &self,
        id: SessionId,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let deadline = Instant::now() + self.calls.timeout;
        loop {
            let peek = self.calls.loads.find_one(statements::by_id(id));
            let peek = peek
                .projection(statements::peek())
                .max_time(self.calls.timeout);
            let Some(seen) = self.calls.in_time(peek).await? else {
                return Ok(false);
            };
            document::check_format(&seen)?;
            if document::ended(&seen)?.is_some() {
                return Ok(false);
            }
            let now = self.calls.time_of(Some(&seen)).await?;
            if self.end_seen(id, &seen, Ended::new(now, reason)).await? {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Err(StoreErrorKind::Busy.into());
            }
        }
    }

    /// Ends a session that was seen to be live, unless somebody has changed it since.
    async fn end_seen(
        &self,
        id: SessionId,
        seen: &Document,
        ended: Ended,
    ) -> Result<bool, StoreError> {
        let version: u64 = document::number(seen, "version")?;
        let expires_at = document::time(seen, "expires_at")?;
        let next = document::version(version.saturating_add(1))?;
        let end = statements::end(next, ended, expires_at);
        let of = statements::at_version(id, document::version(version)?);
        self.calls.update(of, end).await
    }

    /// Ends all sessions of a subject but one. What cannot be read holds up none of the others, and
    /// is told at the end.
    pub(crate) async fn end_subject(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let (mut all, mut failure, mut before) = (Vec::new(), None, None);
        loop {
            let live = statements::live(issuer, subject, before);
            let page = self.live_page(live, statements::peek(), PAGE).await?;
            let now = self.calls.time_of(page.first()).await?;
            let ended = Ended::new(now, reason);
            let ends = page.iter().map(|seen| self.end_of_page(seen, keep, ended));
            let mut ends = stream::iter(ends.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
            while let Some(end) = ends.next().await {
                match end {
                    Ok(id) => all.extend(id),
                    Err(error) => failure = Some(error),
                }
            }
            drop(ends);
            match page.last() {
                Some(last) if page.len() == PAGE => before = Some(document::id(last)?),
                _ => break,
            }
        }
        failure.map_or(Ok(all), Err)
    }

    /// Ends a session of a page, and gives its identifier if it was not ended before.
    async fn end_of_page(
        &self,
        seen: &Document,
        keep: Option<SessionId>,
        ended: Ended,
    ) -> Result<Option<SessionId>, StoreError> {
        let id = document::id(seen)?;
        if keep == Some(id) {
            return Ok(None);
        }
        document::check_format(seen)?;
        let is_done = match self.end_seen(id, seen, ended).await? {
            true => true,
            false => self.end_one(id, ended.reason).await?,
        };
        Ok(is_done.then_some(id))
    }
}
