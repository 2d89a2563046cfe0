//! The list of all sessions, while they move.

use std::collections::BTreeSet;

use super::*;

struct Three([MemoryStore; 3]);

impl Three {
    /// `z` has the sessions, and `a` and `b` join it.
    fn announced(&self) -> ShardedStoreBuilder {
        let [z, a, b] = self.0.clone();
        let builder = ShardedStore::builder().shard("z", z);
        builder.joining("b", b).joining("a", a)
    }

    async fn moving(&self) -> ShardedStore {
        self.announced().move_sessions(true).open().await.unwrap()
    }

    async fn settled(&self) -> ShardedStore {
        let [z, a, b] = self.0.clone();
        let builder = ShardedStore::builder().shard("z", z);
        builder.shard("b", b).shard("a", a).open().await.unwrap()
    }
}

const SESSIONS: u128 = 60;

/// The identifiers on the rest of the pages.
async fn rest(store: &ShardedStore, mut after: Option<Cursor>) -> BTreeSet<SessionId> {
    let mut seen = BTreeSet::new();
    loop {
        let page = store.list_all(ISSUER, after.as_ref(), 7).await.unwrap();
        for record in page.records {
            assert!(!seal::is_sealed(&record.state));
            seen.insert(record.session.id);
        }
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn sessions_that_move_are_on_one_of_the_pages_whenever_they_do() {
    let all: BTreeSet<_> = (1..=SESSIONS).map(id).collect();
    // The sessions move after so many pages.
    for pages in 0..=8 {
        let three = Three([memory(), memory(), memory()]);
        let announced = three.announced().open().await.unwrap();
        for id in &all {
            announced.insert(&record(*id)).await.unwrap();
        }
        let moving = three.moving().await;
        let (mut seen, mut after) = (BTreeSet::new(), None);
        for _ in 0..pages {
            let page = announced.list_all(ISSUER, after.as_ref(), 7).await.unwrap();
            seen.extend(page.records.iter().map(|record| record.session.id));
            after = page.next;
        }
        for id in &all {
            moving.load(*id).await.unwrap();
        }
        seen.extend(rest(&moving, after).await);
        assert_eq!(seen, all, "they move after {pages} pages");
    }
}

/// A session whose server has died while it moved.
#[tokio::test]
async fn a_sealed_row_counts_until_its_session_has_arrived() {
    let three = Three([memory(), memory(), memory()]);
    three.announced().open().await.unwrap();
    let moving = three.moving().await;
    let moves = |id: &SessionId| matches!(moving.0.home(*id), Some(Home::Changing { .. }));
    let id = (1..100).map(id).find(moves).unwrap();
    let mut sealed = record(id);
    sealed.state = seal::sealed(&sealed.state).unwrap();
    three.0[0].insert(&sealed).await.unwrap();
    let page = moving.list_all(ISSUER, None, 7).await.unwrap();
    assert_eq!(page.records, [record(id)], "it is on its way");

    moving.load(id).await.unwrap();
    assert_eq!(rest(&moving, None).await, [id].into());
    assert!(moving.end(id, EndReason::Logout).await.unwrap());
    assert_eq!(rest(&moving, None).await, [].into());
}

#[tokio::test]
async fn a_cursor_holds_for_the_shards_that_it_was_given_for() {
    let three = Three([memory(), memory(), memory()]);
    let announced = three.announced().open().await.unwrap();
    for number in 1..=SESSIONS {
        announced.insert(&record(id(number))).await.unwrap();
    }
    let next = announced.list_all(ISSUER, None, 7).await.unwrap().next;
    let next = next.unwrap();
    let moving = three.moving().await;
    assert!(moving.list_all(ISSUER, Some(&next), 7).await.is_ok());
    // Where the order is another one, a shard could be left out.
    let settled = three.settled().await;
    let refused = async |text: String| {
        let cursor: Cursor = text.parse().unwrap();
        let page = settled.list_all(ISSUER, Some(&cursor), 7).await;
        assert_eq!(page.unwrap_err().kind(), StoreErrorKind::Cursor, "{text}");
    };
    refused(next.to_string()).await;
    let own = settled.list_all(ISSUER, None, 7).await.unwrap().next;
    let own = own.unwrap().to_string();
    let (order, _) = own.split_once('.').unwrap();
    for made_up in [".3.", ".9.", ".x.", ".1", ".1.nowhere", ".-1."] {
        refused(format!("{order}{made_up}")).await;
    }
}
