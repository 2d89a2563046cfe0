//! How a session ends.

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
use uuid::Uuid;

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
        let closed = self.close(&[(id, at)], vec![end]).await.pop();
        let Some(closed) = closed.ok_or_else(unexpected)?? else {
            return Ok(false);
        };
        let entry = keys::listed(id, closed.ends_at);
        // By the connection that has ended it, so that both go to the same server.
        let connection = self.revoking.without_wait();
        self.delist(&connection, &closed.issuer, &closed.subject, &[entry])
            .await;
        Ok(true)
    }

    /// Notes sessions as ended, and then ends them by the commands, which are one for each. Without
    /// its note, an end counts as failed, so that it is tried again.
    pub(super) async fn close(
        &self,
        notes: &[(SessionId, Timestamp)],
        ends: Vec<Cmd>,
    ) -> Vec<Result<Option<Closed>, StoreError>> {
        let numbers = self.keys.notes();
        let mut shares: Vec<_> = numbers.map(|number| (number, Vec::new())).collect();
        for (id, at) in notes {
            let number = self.keys.note_of(*id);
            let share = shares.iter_mut().find(|share| share.0 == number);
            share.into_iter().for_each(|share| share.1.push((*id, *at)));
        }
        shares.retain(|(_, share)| !share.is_empty());
        let first = shares
            .iter()
            .map(|(number, share)| self.note(*number, share));
        let first: Vec<_> = first.collect();
        let mut answers = self
            .revoking
            .write_in_order(&first, &ends)
            .await
            .into_iter();
        let noted = answers.by_ref().take(first.len());
        let noted = noted.map(|answer| answer.map(drop).map_err(failed));
        let noted: Vec<_> = shares.iter().map(|share| share.0).zip(noted).collect();
        let closed = answers.zip(notes).map(|(answer, (id, _))| {
            let number = self.keys.note_of(*id);
            let noted = noted.iter().find(|noted| noted.0 == number);
            noted.ok_or_else(unexpected)?.1.clone()?;
            answer.map_err(failed).and_then(answer::closed)
        });
        closed.collect()
    }

    /// Waits until the replicas have what was written before, on each of the servers. A wait covers
    /// earlier writes only if it follows a write.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let long_ago = (SessionId::from_uuid(Uuid::nil()), Timestamp::default());
        let keys = self.revoking.one_key_each(|tag| self.keys.mark(tag));
        let marks = keys.iter().map(|key| note_in(key, &[long_ago]));
        let marked = self.revoking.write(&marks.collect::<Vec<_>>()).await;
        marked
            .into_iter()
            .try_for_each(|answer| answer.map(drop).map_err(failed))
    }

    /// The command that notes sessions as ended, in one of the keys for it.
    fn note(&self, number: u8, sessions: &[(SessionId, Timestamp)]) -> Cmd {
        note_in(&self.keys.ended(number), sessions)
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
}

/// The command that notes sessions as ended in a key.
fn note_in(key: &[u8], sessions: &[(SessionId, Timestamp)]) -> Cmd {
    let kept_for = keys::noted_for();
    let entries = sessions.iter().map(|(id, at)| keys::noted(*id, *at));
    let entries: Vec<_> = entries.collect();
    let mut arguments = vec![kept_for.as_bytes()];
    arguments.extend(entries.iter().map(Vec::as_slice));
    scripts::NOTE.on(key, &arguments)
}
