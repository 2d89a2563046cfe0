//! The sessions of a subject, by its index.

use redis::cmd;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{EndReason, Ended, Listed, Record, StoreError},
};

use crate::{
    RedisStore, answer, connection::Connection, error::failed, keys, row, scripts, server::Answer,
};

/// How many sessions of a subject are read, or ended, in one batch.
const PAGE: usize = 100;

/// An entry of an index, and the session that it lists.
struct Entry {
    id: SessionId,
    bytes: Vec<u8>,
}

/// What an `end_all` has done so far.
#[derive(Default)]
struct Progress {
    ended: Vec<SessionId>,
    failure: Option<StoreError>,
    has_written: bool,
}

impl RedisStore {
    /// A page of the subject's index: the time, and entries, highest first. The session of an entry
    /// may be another subject's, ended or deleted.
    async fn page(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
    ) -> Result<(Timestamp, Vec<Entry>), StoreError> {
        let key = self.keys.subject(issuer, subject);
        let (from, count) = (keys::listed_below(before), PAGE.to_string());
        let range: [&[u8]; 7] = [
            &from,
            b"-",
            b"BYLEX",
            b"REV",
            b"LIMIT",
            b"0",
            count.as_bytes(),
        ];
        let page = scripts::PAGE.on(&key, &range);
        let (now, entries) = answer::page(self.main.read_one(page).await?)?;
        let entries = entries.into_iter().map(|bytes| {
            let id = keys::listed_id(&bytes)?;
            Ok(Entry { id, bytes })
        });
        let mut entries = entries.collect::<Result<Vec<_>, StoreError>>()?;
        // A refused login with an identifier that exists may have left another entry of it.
        entries.dedup_by_key(|entry| entry.id);
        Ok((now, entries))
    }

    /// The live sessions of a subject below `before`, highest first.
    pub(super) async fn list_live(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let (now, mut page) = self.page(issuer, subject, before).await?;
        let mut records = Vec::new();
        while let Some(last) = page.last().map(|entry| entry.id)
            && records.len() < limit
        {
            let mut dead = Vec::new();
            for (entry, record) in self.load_all(page).await? {
                if record.session.issuer != issuer || record.session.subject != subject {
                    continue;
                }
                if record.state.ended.is_some() {
                    dead.push(entry.bytes);
                } else if record.is_live(now) && records.len() < limit {
                    records.push(record);
                }
            }
            self.delist(&self.main, issuer, subject, &dead).await;
            (_, page) = self.page(issuer, subject, Some(last)).await?;
        }
        Ok(Listed::new(records, now))
    }

    /// Loads those of the sessions that exist.
    async fn load_all(&self, entries: Vec<Entry>) -> Result<Vec<(Entry, Record)>, StoreError> {
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        let records = self.load_each(&ids).await?;
        let records = entries.into_iter().zip(records);
        Ok(records
            .filter_map(|(entry, record)| Some((entry, record?)))
            .collect())
    }

    /// Loads sessions, of which some may not exist.
    pub(super) async fn load_each(
        &self,
        ids: &[SessionId],
    ) -> Result<Vec<Option<Record>>, StoreError> {
        let loads = ids
            .iter()
            .map(|id| scripts::LOAD.on(&self.keys.session(*id), &[]));
        let answers = self.main.read(&loads.collect::<Vec<_>>()).await;
        let mut records = Vec::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(answers) {
            let (_, row) = answer::loaded(answer.map_err(failed)?)?;
            records.push(row.map(|row| row::read(*id, &row)).transpose()?);
        }
        Ok(records)
    }

    /// Removes entries of ended sessions from the index of their subject. A failure is no harm: an
    /// entry that stays is removed by the next one who meets it.
    pub(super) async fn delist(
        &self,
        connection: &Connection,
        issuer: &str,
        subject: &str,
        entries: &[Vec<u8>],
    ) {
        if entries.is_empty() {
            return;
        }
        let mut remove = cmd("ZREM");
        remove.arg(self.keys.subject(issuer, subject)).arg(entries);
        let _ = connection.write_one(remove).await;
    }

    /// Ends all sessions of a subject but `keep`, and gives those that were not ended before.
    pub(super) async fn end_subject(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let owner = row::owner(issuer, subject);
        let mut progress = Progress::default();
        let (mut now, mut page) = self.page(issuer, subject, None).await?;
        while let Some(last) = page.last().map(|entry| entry.id) {
            page.retain(|entry| Some(entry.id) != keep);
            let as_ended = Ended::new(now, reason);
            let dead = self.end_page(page, &owner, as_ended, &mut progress).await?;
            // By the connection that has ended them, so that both go to the same server.
            let connection = self.revoking.without_wait();
            self.delist(&connection, issuer, subject, &dead).await;
            (now, page) = self.page(issuer, subject, Some(last)).await?;
        }
        if self.revoking.waits() && !progress.has_written {
            // An earlier call may have ended them without reaching the replicas.
            self.settle().await?;
        }
        progress.failure.map_or(Ok(progress.ended), Err)
    }

    /// Ends the sessions of a page, and gives the entries of those that are ended now.
    async fn end_page(
        &self,
        page: Vec<Entry>,
        owner: &[u8],
        as_ended: Ended,
        progress: &mut Progress,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let due = self.due(page, owner, progress).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let notes = due.iter().map(|(entry, before)| {
            let ended = before.unwrap_or(as_ended);
            (entry.id, ended.at)
        });
        let notes: Vec<_> = notes.collect();
        let ends = notes
            .iter()
            .map(|(id, _)| self.end_command(*id, as_ended, owner));
        let closed = self.close(&notes, ends.collect()).await;
        progress.has_written = true;
        let mut dead = Vec::new();
        for ((entry, before), closed) in due.into_iter().zip(closed) {
            match closed {
                Ok(Some(_)) => {
                    progress.ended.push(entry.id);
                    dead.push(entry.bytes);
                }
                Ok(None) if before.is_some() => dead.push(entry.bytes),
                Ok(None) => {}
                Err(error) => progress.failure = Some(error),
            }
        }
        Ok(dead)
    }

    /// Those of the sessions that belong to the owner, and whether they are ended already. The end
    /// of the latter is written once more, as it may not have reached the replicas.
    async fn due(
        &self,
        page: Vec<Entry>,
        owner: &[u8],
        progress: &mut Progress,
    ) -> Result<Vec<(Entry, Option<Ended>)>, StoreError> {
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = row::OWNER + owner.len();
        let peeks = page.iter().map(|entry| self.peek(entry.id, bytes));
        let answers = self.main.read(&peeks.collect::<Vec<_>>()).await;
        let mut due = Vec::with_capacity(page.len());
        for (entry, answer) in page.into_iter().zip(answers) {
            match ended_of(answer, owner) {
                Ok(Some(before)) => due.push((entry, before)),
                Ok(None) => {}
                // A damaged session must not keep the others from being ended.
                Err(error) => progress.failure = Some(error),
            }
        }
        Ok(due)
    }
}

/// When and why a session of the owner was ended, or `None` if the session is not the owner's.
fn ended_of(answer: Answer, owner: &[u8]) -> Result<Option<Option<Ended>>, StoreError> {
    let (_, start) = answer::peeked(answer.map_err(failed)?)?;
    let Some(start) = start else {
        return Ok(None);
    };
    let ended = row::read_ended(&start)?;
    Ok((start.get(row::OWNER..) == Some(owner)).then_some(ended))
}
