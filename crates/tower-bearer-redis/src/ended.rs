//! Which sessions were ended of late, by their notes.

use std::collections::VecDeque;

use tower_bearer::{claims::SessionId, clock::Timestamp, store::StoreError};

use crate::{RedisStore, answer, error::failed, keys, row, scripts};

/// How many notes are read in one batch from each key.
const PAGE: usize = 250;

/// A key that holds notes, as far as it was read.
struct Notes {
    number: u8,
    /// The lower bound of those that are still to be read, unless there are none.
    from: Option<Vec<u8>>,
    read: VecDeque<Vec<u8>>,
}

impl RedisStore {
    /// The sessions that were ended at `since` or later, or at `since` and above `after`.
    pub(super) async fn noted_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let all = self.keys.notes().map(|number| Notes {
            number,
            from: Some(keys::noted_since(since, after)),
            read: VecDeque::new(),
        });
        let (mut ended, mut all) = (Vec::new(), all.collect::<Vec<_>>());
        while ended.len() < limit {
            let count = PAGE.min(limit - ended.len());
            self.read_on(&mut all, count).await?;
            let notes = earliest(&mut all, count);
            if notes.is_empty() {
                break;
            }
            let found = self.check(&notes).await?.into_iter();
            ended.extend(found.filter(|(_, at)| *at >= since));
        }
        Ok(ended)
    }

    /// Reads on where nothing is left of what was read. If one key cannot be read, all of it fails:
    /// nobody would ask for its notes again.
    async fn read_on(&self, all: &mut [Notes], count: usize) -> Result<(), StoreError> {
        let count = count.to_string();
        let due = all.iter_mut().filter(|notes| notes.read.is_empty());
        let (mut pages, mut reading) = (Vec::new(), Vec::new());
        for notes in due {
            let Some(from) = &notes.from else { continue };
            let range: [&[u8]; 6] = [from, b"+", b"BYLEX", b"LIMIT", b"0", count.as_bytes()];
            pages.push(scripts::PAGE.on(&self.keys.ended(notes.number), &range));
            reading.push(notes);
        }
        if pages.is_empty() {
            return Ok(());
        }
        let answers = self.main.read(&pages).await;
        for (notes, answer) in reading.into_iter().zip(answers) {
            let (_, page) = answer::page(answer.map_err(failed)?)?;
            notes.from = page.last().map(|last| keys::noted_after(last));
            notes.read = page.into();
        }
        Ok(())
    }

    /// Those of the noted sessions that were ended when their notes say so, with that time. A note
    /// may be of a session that was not ended after all, or that was ended at another time.
    async fn check(&self, notes: &[Vec<u8>]) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let ids: Result<Vec<_>, _> = notes.iter().map(|note| keys::noted_id(note)).collect();
        let ids = ids?;
        let peeks: Vec<_> = ids.iter().map(|id| self.peek(*id, row::HEAD)).collect();
        let answers = self.main.read(&peeks).await;
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

/// The earliest notes, as long as it is known which ones these are.
fn earliest(all: &mut [Notes], count: usize) -> Vec<Vec<u8>> {
    let mut notes = Vec::new();
    while notes.len() < count {
        if all
            .iter()
            .any(|notes| notes.read.is_empty() && notes.from.is_some())
        {
            break;
        }
        let next = all.iter_mut().filter(|notes| !notes.read.is_empty());
        let next = next.min_by(|a, b| a.read.front().cmp(&b.read.front()));
        let Some(note) = next.and_then(|notes| notes.read.pop_front()) else {
            break;
        };
        notes.push(note);
    }
    notes
}
