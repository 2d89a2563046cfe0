//! How a session ends: it is looked at, and ended if it is still of the version that was seen. If others change it
//! again and again, it is ended whatever its version. How long it is kept depends on what the last of them wrote, so
//! it is then kept a little longer than that may ask for, and looked at once more to put that right.

use std::time::Duration;

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
/// How many times the end of a session is tried at the version that was seen.
const TRIES: u32 = 4;
/// By how much the newest refresh token of a session may expire later than was seen, if others have changed the
/// session since. One that is ended whatever its version may be kept so much too long.
const SLACK: Duration = Duration::from_secs(60);

impl MongoStore {
    /// Ends a session, and tells whether it was not ended before.
    pub(crate) async fn end_one(
        &self,
        id: SessionId,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let deadline = Instant::now() + self.calls.timeout;
        let mut tries = 0;
        loop {
            let Some(seen) = self.peek(id).await? else {
                return Ok(false);
            };
            document::check_format(&seen)?;
            if let Some(ended) = document::ended(&seen)? {
                // Whoever has ended it may have been cut off before that.
                let _ = self.delete_earlier(id, &seen, ended).await;
                return Ok(false);
            }
            let now = self.calls.time_of(Some(&seen)).await?;
            let ended = Ended::new(now, reason);
            tries += 1;
            let is_done = match tries <= TRIES {
                true => self.end_seen(id, &seen, ended).await?,
                false => self.end_changing(id, &seen, ended).await?,
            };
            if is_done {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Err(StoreErrorKind::Busy.into());
            }
        }
    }

    async fn peek(&self, id: SessionId) -> Result<Option<Document>, StoreError> {
        let peek = self.calls.loads.find_one(statements::by_id(id));
        let peek = peek
            .projection(statements::peek())
            .max_time(self.calls.timeout);
        self.calls.in_time(peek).await
    }

    /// Ends a session that was seen to be live, unless somebody has changed it since.
    async fn end_seen(
        &self,
        id: SessionId,
        seen: &Document,
        ended: Ended,
    ) -> Result<bool, StoreError> {
        let version: u64 = document::number(seen, "version")?;
        let version = document::version(version)?;
        let expires_at = document::time(seen, "expires_at")?;
        // The highest version stays.
        let end = statements::end(version.saturating_add(1), ended, expires_at);
        let of = statements::at_version(id, version);
        self.calls.update(of, end).await
    }

    /// Ends a session, whatever its version, by one update: if that is the last that is done, the session is kept
    /// for no more than [`SLACK`] too long. Nobody changes it after that, so that a second update can make it exact.
    async fn end_changing(
        &self,
        id: SessionId,
        seen: &Document,
        ended: Ended,
    ) -> Result<bool, StoreError> {
        let latest = document::time(seen, "expires_at")? + SLACK;
        let of = statements::not_ended_by(id, latest);
        let is_done = self
            .calls
            .update(of, statements::end_any(ended, latest))
            .await?;
        if is_done && let Ok(Some(seen)) = self.peek(id).await {
            // If this fails, the session has ended all the same.
            let _ = self.delete_earlier(id, &seen, ended).await;
        }
        Ok(is_done)
    }

    /// Brings the deletion of a session forward that was ended, where that was not done with its end.
    async fn delete_earlier(
        &self,
        id: SessionId,
        seen: &Document,
        ended: Ended,
    ) -> Result<(), StoreError> {
        let expires_at = document::time(seen, "expires_at")?;
        if document::time(seen, "ends_at")? <= statements::last_kept(ended, expires_at) {
            return Ok(());
        }
        let of = statements::ended_at(id, ended);
        let by = statements::kept_until(ended, expires_at);
        self.calls.update(of, by).await.map(drop)
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
            let told = Instant::now();
            let ends = page.iter().map(|seen| async move {
                // Those who follow what was ended look for it at the time of the write.
                let ended = Ended::new(now + told.elapsed(), reason);
                self.end_of_page(seen, keep, ended).await
            });
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
