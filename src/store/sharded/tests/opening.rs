//! Servers that mean other shards do not start.

use super::*;
use crate::store::{OpenError, OpenErrorKind};

async fn refused(builder: ShardedStoreBuilder) -> (OpenErrorKind, String) {
    let error: OpenError = builder.open().await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn names_are_checked() {
    let one = || ShardedStore::builder().shard("one", memory());
    let wrong = [
        ShardedStore::builder(),
        ShardedStore::builder().joining("one", memory()),
        ShardedStore::builder().leaving("one", memory()),
        ShardedStore::builder().shard("", memory()),
        ShardedStore::builder().shard("x".repeat(65), memory()),
        one().shard("one", memory()),
        one().move_sessions(true),
    ];
    for builder in wrong {
        assert_eq!(refused(builder).await.0, OpenErrorKind::Address);
    }
    one().shard("x".repeat(64), memory()).open().await.unwrap();
}

#[tokio::test]
async fn a_shard_that_is_just_added_is_refused() {
    let (one, two, three) = (memory(), memory(), memory());
    let both = || {
        ShardedStore::builder()
            .shard("one", one.clone())
            .shard("two", two.clone())
    };
    both().open().await.unwrap();
    both().open().await.unwrap();
    let (kind, why) = refused(both().shard("three", three.clone())).await;
    assert_eq!(kind, OpenErrorKind::Unsuitable);
    assert_eq!(
        why,
        "the store cannot be opened: the shard `one` belongs to another set of shards: name added ones by \
         `joining` and removed ones by `leaving`, or finish the change that has begun"
    );
    // And so is one that is just left out, but not one that joins.
    let alone = ShardedStore::builder().shard("one", one.clone());
    assert_eq!(refused(alone).await.0, OpenErrorKind::Unsuitable);
    both().joining("three", three).open().await.unwrap();
    both().open().await.unwrap();
}

#[tokio::test]
async fn the_steps_of_a_change_follow_each_other() {
    let (one, two) = (memory(), memory());
    let before = || ShardedStore::builder().shard("one", one.clone());
    let announced = || before().joining("two", two.clone());
    let moving = || announced().move_sessions(true);
    let after = || before().shard("two", two.clone());
    before().open().await.unwrap();
    assert_eq!(refused(after()).await.0, OpenErrorKind::Unsuitable);
    announced().open().await.unwrap();
    assert_eq!(refused(after()).await.0, OpenErrorKind::Unsuitable);
    moving().open().await.unwrap();
    // A server that was restarted late is not yet told to move any.
    announced().open().await.unwrap();
    assert_eq!(refused(before()).await.0, OpenErrorKind::Unsuitable);
    after().open().await.unwrap();
}

#[tokio::test]
async fn databases_that_were_mixed_up_are_refused() {
    let (one, two) = (memory(), memory());
    let right = ShardedStore::builder()
        .shard("one", one.clone())
        .shard("two", two.clone());
    right.open().await.unwrap();
    let wrong = ShardedStore::builder().shard("one", two).shard("two", one);
    let (kind, why) = refused(wrong).await;
    assert_eq!(kind, OpenErrorKind::Unsuitable);
    let what = "the database that was given for the shard `one` is that of the shard `two`";
    assert!(why.ends_with(what), "{why}");
}

#[tokio::test]
async fn an_empty_database_is_not_taken_for_a_shard() {
    let (one, two) = (memory(), memory());
    let with = |two: &MemoryStore| {
        let builder = ShardedStore::builder().shard("one", one.clone());
        builder.shard("two", two.clone())
    };
    with(&two).open().await.unwrap();
    let (kind, why) = refused(with(&memory())).await;
    assert_eq!(kind, OpenErrorKind::Unsuitable);
    assert!(
        why.contains("the shard `two` is empty, although others are not"),
        "{why}"
    );
    let lost = ShardedStore::builder().shard("one", one.clone());
    lost.danger_emptied("two", memory()).open().await.unwrap();
}

#[tokio::test]
async fn no_session_moves_to_a_shard_that_was_not_announced() {
    let (one, two) = (memory(), memory());
    let change = || {
        let builder = ShardedStore::builder().shard("one", one.clone());
        builder.joining("two", two.clone())
    };
    let (kind, why) = refused(change().move_sessions(true)).await;
    assert_eq!(kind, OpenErrorKind::Unsuitable);
    assert!(why.contains("was never announced"), "{why}");
    change().open().await.unwrap();
    change().move_sessions(true).open().await.unwrap();
}

#[tokio::test]
async fn a_database_with_sessions_is_not_taken_for_a_new_one() {
    let (old, two, three) = (memory(), memory(), memory());
    old.insert(&record(id(1))).await.unwrap();
    // An ended one counts as well: what still uses its tokens must be told from what nobody knows.
    assert!(old.end(id(1), EndReason::Logout).await.unwrap());
    let with = |old: &MemoryStore| {
        let builder = ShardedStore::builder().shard("old", old.clone());
        builder.shard("two", two.clone())
    };
    let (kind, why) = refused(with(&old).shard("three", three.clone())).await;
    assert_eq!(kind, OpenErrorKind::Unsuitable);
    assert_eq!(
        why,
        "the store cannot be opened: the shard `old` has sessions already, which would not be found among several: \
         name the other shards by `joining`"
    );
    // Nothing was written, and its own advice leads on.
    for new in [&two, &three] {
        assert_eq!(new.has_sessions().await.unwrap(), Some(false));
    }
    let joins = ShardedStore::builder().shard("old", old.clone());
    let joins = joins.joining("two", two.clone());
    joins.joining("three", three).open().await.unwrap();
    // With marks, all is as they say.
    let alone = memory();
    alone.insert(&record(id(1))).await.unwrap();
    ShardedStore::builder()
        .shard("old", alone)
        .open()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_with_sessions_does_not_join() {
    let (old, new) = (memory(), memory());
    old.insert(&record(id(1))).await.unwrap();
    let swapped = ShardedStore::builder().shard("one", new.clone());
    let (kind, why) = refused(swapped.joining("two", old.clone())).await;
    assert_eq!(kind, OpenErrorKind::Unsuitable);
    assert!(
        why.contains("`two` joins and has sessions already"),
        "{why}"
    );
    let right = ShardedStore::builder().shard("two", old.clone());
    right.joining("one", new.clone()).open().await.unwrap();
}

/// Another server has set its marks between the two looks at the shards.
#[tokio::test]
async fn the_mark_of_another_server_is_no_session() {
    let (one, two) = (memory(), memory());
    let both = ShardedStore::builder().shard("one", one.clone());
    let both = both.shard("two", two.clone()).open().await.unwrap();
    assert_eq!(one.has_sessions().await.unwrap(), Some(true));
    marks::are_new(&both.0).await.unwrap();
}

/// The mark is never deleted, and is in nobody's list.
#[tokio::test]
async fn the_mark_is_no_session_of_anybody() {
    let one = memory();
    let store = ShardedStore::builder().shard("one", one.clone());
    let store = store.open().await.unwrap();
    let listed = store.list(ISSUER, "one", None, usize::MAX).await.unwrap();
    assert_eq!(listed.records.len(), 0);
    assert_eq!(store.delete_expired(usize::MAX).await.unwrap(), 0);
    assert_eq!(format!("{one:?}"), "MemoryStore { sessions: 1, .. }");
}
