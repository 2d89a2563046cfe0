//! The list of all sessions: shard by shard, and in each of them by identifier.

use std::{ops::Bound, sync::Arc};

use super::{Inner, MemoryStore, PAGE, SHARDS, kept::Kept, lock};
use crate::{
    claims::SessionId,
    store::{Cursor, ListedAll, StoreError},
};

/// The most pages of sessions that one call looks at.
const WALKED: usize = 64;

impl MemoryStore {
    /// The live sessions of an issuer after that of the cursor. Each is given once.
    pub(super) async fn walk(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let mut after = after.map(Cursor::session_id).transpose()?;
        let mut shard = after.map_or(0, Inner::shard_of);
        let now = self.0.clock.now();
        let mut records = Vec::new();
        let mut walked = 0;
        while shard < SHARDS {
            let page = self.0.page_of(shard, after);
            for kept in &page {
                after = Some(kept.id);
                if kept.issuer() == issuer && kept.ended().is_none() {
                    let record = kept.record();
                    if record.is_live(now) {
                        records.push(record);
                    }
                }
                if records.len() >= limit.max(1) {
                    return Ok(ListedAll::new(records, after.map(Cursor::from), now));
                }
            }
            if page.len() < PAGE {
                (shard, after) = (shard + 1, None);
                continue;
            }
            walked += 1;
            if walked == WALKED {
                return Ok(ListedAll::new(records, after.map(Cursor::from), now));
            }
            tokio::task::yield_now().await;
        }
        Ok(ListedAll::new(records, None, now))
    }
}

impl Inner {
    /// A few sessions of a shard, lowest first.
    fn page_of(&self, shard: usize, after: Option<SessionId>) -> Vec<Arc<Kept>> {
        let Some(shard) = self.shards.get(shard) else {
            return Vec::new();
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let shard = lock(shard);
        let page = shard.range((from, Bound::Unbounded)).take(PAGE);
        page.map(|(_, kept)| Arc::clone(kept)).collect()
    }
}
