//! How a session ends, and which ones were ended of late.

use redis::Cmd;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{EndReason, Ended, Record, SessionState, StoreError},
};

use crate::{
    RedisStore,
    answer::{self, Closed},
    error::{failed, unexpected},
    keys, row, scripts,
};

/// How many notes are read in one batch.
const PAGE: usize = 250;

impl RedisStore {
    /// Ends a session, and tells whether it was not ended before.
    pub(super) async fn end_one(
        &self,
        id: SessionId,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let peek = self.main.read_one(self.peek(id, row::HEAD));
        let (now, head) = answer::peeked(peek.await?)?;
        let Some(head) = head else {
            return Ok(false);
        };
        // The end of a session that is ended is written once more, as it may not have reached the
        // replicas.
        let at = row::read_ended(&head)?.map_or(now, |ended| ended.at);
        let end = self.end_command(id, Ended::new(at, reason), &[]);
        self.end_noted(id, at, end).await
    }

    /// Ends a session by a swap, and tells whether the swap took place.
    pub(super) async fn end_by_swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
        ended: Ended,
    ) -> Result<bool, StoreError> {
        let (start, head) = (row::at_version(expected), row::head(next));
        let day = row::time(ended.at + Record::KEPT_AFTER_END);
        let swap = scripts::SWAP_END.on(&self.keys.session(id), &[&start, &head, &day]);
        self.end_noted(id, ended.at, swap).await
    }

    /// Notes that a session is ended, ends it by the command `end`, and removes it from the index
    /// of its subject. The order has its reason at the top of `lib.rs`.
    async fn end_noted(&self, id: SessionId, at: Timestamp, end: Cmd) -> Result<bool, StoreError> {
        let note = self.note(&[(id, at)]);
        let mut answers = self.revoking.write(&[note, end]).await?.into_iter();
        let (noted, closed) = (answers.next(), answers.next());
        noted.ok_or_else(unexpected)?.map_err(failed)?;
        let closed = closed.ok_or_else(unexpected)?.map_err(failed)?;
        let Some(closed) = answer::closed(closed)? else {
            return Ok(false);
        };
        let Closed {
            issuer,
            subject,
            ends_at,
        } = closed;
        let entry = keys::listed(id, ends_at);
        // By the connection that has ended it, so that both go to the same server.
        let connection = self.revoking.without_wait();
        self.delist(&connection, &issuer, &subject, &[entry]).await;
        Ok(true)
    }

    /// The command that notes sessions as ended, or that only removes old notes.
    pub(super) fn note(&self, sessions: &[(SessionId, Timestamp)]) -> Cmd {
        let (kept_for, ended) = (keys::noted_for(), self.keys.ended());
        let entries = sessions.iter().map(|(id, at)| keys::noted(*id, *at));
        let entries: Vec<_> = entries.collect();
        let mut arguments = vec![kept_for.as_bytes()];
        arguments.extend(entries.iter().map(Vec::as_slice));
        scripts::NOTE.on(&ended, &arguments)
    }

    /// The command that ends a session, if it belongs to the `owner` or the latter is empty.
    pub(super) fn end_command(&self, id: SessionId, ended: Ended, owner: &[u8]) -> Cmd {
        let (reason, at) = ([ended.reason.code()], row::time(ended.at));
        let day = row::time(ended.at + Record::KEPT_AFTER_END);
        let key = self.keys.session(id);
        scripts::END.on(&key, &[&row::format(), &reason, &at, &day, owner])
    }

    /// The command that reads the first `bytes` of a session.
    pub(super) fn peek(&self, id: SessionId, bytes: usize) -> Cmd {
        let bytes = bytes.to_string();
        scripts::PEEK.on(&self.keys.session(id), &[bytes.as_bytes()])
    }

    /// The sessions that were ended at `since` or later, or at `since` and above `after`.
    pub(super) async fn noted_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let (mut ended, mut from) = (Vec::new(), keys::noted_since(since, after));
        while ended.len() < limit {
            let count = PAGE.min(limit - ended.len()).to_string();
            let range: [&[u8]; 6] = [&from, b"+", b"BYLEX", b"LIMIT", b"0", count.as_bytes()];
            let page = scripts::PAGE.on(&self.keys.ended(), &range);
            let (_, notes) = answer::page(self.main.read_one(page).await?)?;
            let Some(last) = notes.last() else {
                break;
            };
            from = keys::noted_after(last);
            let found = self.check(&notes).await?.into_iter();
            ended.extend(found.filter(|(_, at)| *at >= since));
        }
        Ok(ended)
    }

    /// Those of the noted sessions that were ended when their notes say so, with that time. A note
    /// may be of a session that was not ended after all, or that was ended at another time.
    async fn check(&self, notes: &[Vec<u8>]) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let ids: Result<Vec<_>, _> = notes.iter().map(|note| keys::noted_id(note)).collect();
        let ids = ids?;
        let peeks: Vec<_> = ids.iter().map(|id| self.peek(*id, row::HEAD)).collect();
        let answers = self.main.read(&peeks).await?;
        let mut ended = Vec::new();
        for ((id, note), answer) in ids.into_iter().zip(notes).zip(answers) {
            let (_, head) = answer::peeked(answer.map_err(failed)?)?;
            let state = head.map(|head| row::read_ended(&head)).transpose()?;
            let at = state.flatten().map(|ended| ended.at);
            ended.extend(
                at.filter(|at| keys::noted(id, *at) == *note)
                    .map(|at| (id, at)),
            );
        }
        Ok(ended)
    }
}
