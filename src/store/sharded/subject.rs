//! What concerns more than one session, and so all shards.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ShardedStore,
    layout::{Home, Shard, Step},
    seal::{MOVED_AT, is_sealed, unsealed},
    together,
};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{EndReason, Listed, SessionStore, StoreError},
};

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
                if !is_sealed(&record.state) || self.is_on_the_way(record.session.id).await? {
                    live.push(unsealed(record));
                }
            }
            if is_last || live.len() == limit {
                return Ok(Listed::new(live, page.now));
            }
        }
    }

    /// Whether a session whose row is sealed has not arrived yet.
    async fn is_on_the_way(&self, id: SessionId) -> Result<bool, StoreError> {
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

    fn may_have(&self, shard: &Shard, id: SessionId) -> bool {
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
        // One by one, as the end of a row that another server seals would not reach the copy.
        for shard in self.0.before().filter(|_| self.0.step != Step::Settled) {
            match self
                .end_changing(shard, issuer, subject, keep, reason)
                .await
            {
                Ok(all) => ended.extend(all),
                Err(error) => failure = Some(error),
            }
        }
        for shards in self.0.by_role() {
            let ends = shards
                .iter()
                .map(|shard| shard.store.end_all(issuer, subject, keep, reason));
            for answer in together::all(ends).await {
                match answer {
                    Ok(all) => ended.extend(all),
                    Err(error) => failure = Some(error),
                }
            }
        }
        failure.map_or_else(|| Ok(ended.into_iter().collect()), Err)
    }

    /// Ends the sessions of a shard that have another home after the change.
    async fn end_changing(
        &self,
        shard: &Shard,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let listed = shard.store.list(issuer, subject, None, usize::MAX).await?;
        let (mut ended, mut failure) = (Vec::new(), None);
        let ids = listed.records.iter().map(|record| record.session.id);
        for id in ids.filter(|id| Some(*id) != keep) {
            if !matches!(self.0.home(id), Some(Home::Changing { .. })) {
                continue;
            }
            match self.end(id, reason).await {
                Ok(true) => ended.push(id),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(ended), Err)
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

    /// Each shard deletes its own, the ones with the earliest end first.
    pub(super) async fn delete_everywhere(&self, limit: usize) -> Result<usize, StoreError> {
        let (mut deleted, mut failure) = (0, None);
        for shard in self.0.shards() {
            match shard.store.delete_expired(limit - deleted).await {
                Ok(count) => deleted += count.min(limit - deleted),
                Err(error) => failure = Some(error),
            }
        }
        // A shard that is down does not keep the others from being cleaned up.
        failure.filter(|_| deleted == 0).map_or(Ok(deleted), Err)
    }
}
