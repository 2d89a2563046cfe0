//! What concerns more than one session, and so all shards.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ShardedStore,
    layout::{Home, Role, Shard, Step},
    seal::{MOVED_AT, is_sealed, unsealed},
    together,
};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{EndReason, Listed, SessionStore, StoreError, StoreErrorKind},
};

/// How many sessions are looked at before the next ones are listed.
const PAGE: usize = 256;

impl ShardedStore {
    /// Asks the shards in the order in which sessions move, so that none is missed on its way. Of two copies
    /// the one that is further on counts.
    pub(super) async fn list_live(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let (mut live, mut latest) = (BTreeMap::new(), MOVED_AT);
        for shards in self.0.by_role() {
            let lists = shards
                .iter()
                .map(|shard| self.list_at(shard, issuer, subject, before, limit));
            for listed in together::all(lists).await {
                let Listed { records, now } = listed?;
                latest = latest.max(now);
                live.extend(
                    records
                        .into_iter()
                        .map(|record| (Reverse(record.session.id), record)),
                );
            }
        }
        Ok(Listed::new(
            live.into_values().take(limit).collect(),
            latest,
        ))
    }

    /// The first live sessions of a shard, without the rows whose session is elsewhere.
    async fn list_at(
        &self,
        shard: &Shard,
        issuer: &str,
        subject: &str,
        mut before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let mut live = Vec::new();
        loop {
            let asked = limit - live.len();
            let page = shard.store.list(issuer, subject, before, asked).await?;
            let is_last = page.records.len() < asked;
            before = page.records.last().map(|record| record.session.id);
            for record in page.records {
                let id = record.session.id;
                let counts = match is_sealed(&record.state) {
                    true => self.is_on_the_way(id).await?,
                    false => self.may_have(shard, id),
                };
                if counts {
                    live.push(unsealed(record));
                }
            }
            if is_last || live.len() == limit {
                return Ok(Listed::new(live, page.now));
            }
        }
    }

    /// Whether a session whose row is sealed has not arrived yet.
    pub(super) async fn is_on_the_way(&self, id: SessionId) -> Result<bool, StoreError> {
        match self.0.home(id) {
            Some(Home::Changing { target, .. }) => {
                Ok(target.store.load(id).await?.record.is_none())
            }
            _ => Ok(false),
        }
    }

    /// Tells each shard of the sessions that it may have. A confirmation that meets a session on its way may
    /// be lost, as it may be with any server that is killed.
    pub(super) async fn confirm_everywhere(
        &self,
        pairs: &[(SessionId, u32)],
    ) -> Result<(), StoreError> {
        let of = |shard: &Shard| {
            let pairs = pairs.iter().filter(|(id, _)| self.may_have(shard, *id));
            pairs.copied().collect::<Vec<_>>()
        };
        let shards = self.0.shards().iter().map(|shard| (shard, of(shard)));
        let shards = shards.filter(|(_, pairs)| !pairs.is_empty());
        let calls = shards.map(|(shard, pairs)| async move { shard.store.confirm(&pairs).await });
        together::all(calls).await.into_iter().collect()
    }

    pub(super) fn may_have(&self, shard: &Shard, id: SessionId) -> bool {
        match self.0.home(id) {
            Some(Home::Settled(home)) => home.name == shard.name,
            Some(Home::Changing { source, target }) => {
                [source, target].iter().any(|home| home.name == shard.name)
            }
            None => false,
        }
    }

    pub(super) async fn end_subject(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let (mut ended, mut failure) = (BTreeSet::new(), None);
        for shards in self.0.by_role() {
            let ends = shards
                .iter()
                .map(|shard| self.end_at(shard, issuer, subject, keep, reason));
            for (all, outcome) in together::all(ends).await {
                ended.extend(all);
                failure = failure.or(outcome.err());
            }
        }
        failure.map_or_else(|| Ok(ended.into_iter().collect()), Err)
    }

    /// Ends what a shard has, and gives what was ended also if not all was.
    async fn end_at(
        &self,
        shard: &Shard,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> (Vec<SessionId>, Result<(), StoreError>) {
        let mut ended = Vec::new();
        if self.0.step != Step::Settled && shard.role != Role::Joins {
            let listed = self.end_listed(shard, (issuer, subject), keep, reason, &mut ended);
            if let Err(error) = listed.await {
                return (ended, Err(error));
            }
        }
        match shard.store.end_all(issuer, subject, keep, reason).await {
            Ok(all) => ended.extend(all),
            Err(error) => return (ended, Err(error)),
        }
        (ended, Ok(()))
    }

    /// Ends the sessions of a shard one by one while they may move: the end of a row that is sealed would not
    /// reach the copy. If one fails, its row stays in the list for the next attempt.
    async fn end_listed(
        &self,
        shard: &Shard,
        (issuer, subject): (&str, &str),
        keep: Option<SessionId>,
        reason: EndReason,
        ended: &mut Vec<SessionId>,
    ) -> Result<(), StoreError> {
        let (mut before, mut failure) = (None, None);
        loop {
            let page = shard.store.list(issuer, subject, before, PAGE).await?;
            let ids = page.records.iter().map(|record| record.session.id);
            for id in ids.filter(|id| Some(*id) != keep) {
                match self.end(id, reason).await {
                    Ok(true) => ended.push(id),
                    Ok(false) => {}
                    // The others would wait as long for a shard that is down.
                    Err(error) if is_down(&error) => return Err(error),
                    Err(error) => failure = Some(error),
                }
            }
            if page.records.len() < PAGE {
                return failure.map_or(Ok(()), Err);
            }
            before = page.records.last().map(|record| record.session.id);
        }
    }

    pub(super) async fn all_ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        // Not the rows that were left behind, which are the only ones of that time.
        let earliest = MOVED_AT + Duration::from_millis(1);
        let after = after.filter(|_| since >= earliest);
        let since = since.max(earliest);
        let shards = self.0.shards().iter();
        let reads = shards.map(|shard| shard.store.ended_since(since, after, limit));
        let mut ended = Vec::new();
        for answer in together::all(reads).await {
            ended.extend(answer?);
        }
        ended.sort_unstable_by_key(|&(id, at)| (at, id));
        ended.truncate(limit);
        Ok(ended)
    }

    /// Each shard deletes its share at the same time, the ones with the earliest end first. What a shard has
    /// less than its share goes to those that have more.
    pub(super) async fn delete_everywhere(&self, limit: usize) -> Result<usize, StoreError> {
        let (mut left, mut failure) = (limit, None);
        let mut shards: Vec<_> = self.0.shards().iter().collect();
        while left > 0 && !shards.is_empty() {
            let (share, rest) = (left / shards.len(), left % shards.len());
            let shares = (0..).map(|place| share + usize::from(place < rest));
            let shares: Vec<_> = shards.drain(..).zip(shares).collect();
            let deletes = shares
                .iter()
                .map(|(shard, share)| shard.store.delete_expired(*share));
            let answers = together::all(deletes).await;
            for ((shard, share), answer) in shares.into_iter().zip(answers) {
                match answer {
                    Ok(deleted) => {
                        left = left.saturating_sub(deleted);
                        shards.extend((deleted >= share).then_some(shard));
                    }
                    Err(error) => failure = Some(error),
                }
            }
        }
        // A shard that is down does not keep the others from being cleaned up.
        let deleted = limit - left;
        failure.filter(|_| deleted == 0).map_or(Ok(deleted), Err)
    }
}

fn is_down(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::Unavailable | StoreErrorKind::Timeout
    )
}
