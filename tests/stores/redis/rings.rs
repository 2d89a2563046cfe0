//! What is of key rings alone: their keys, and which writes wait.

use super::*;

const KEY: &str = "tower_bearer:ring:ring";

fn ring(version: u64) -> SealedRing {
    SealedRing::new(version, version.to_be_bytes()).unwrap()
}

async fn ring_swap(store: &RedisStore, version: u64) -> Result<Swap, StoreError> {
    let expected = (version > 1).then(|| version - 1);
    store.swap_ring("ring", expected, &ring(version)).await
}

async fn ring_of(store: &RedisStore) -> Option<SealedRing> {
    store.load_ring("ring").await.expect("it loads").ring
}

#[tokio::test]
async fn a_key_that_is_not_a_rings_is_corrupt() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let newer = b"\x02\0\0\0\0\0\0\0\x01sealed".as_slice();
    let version = b"\x01\xff\xff\xff\xff\xff\xff\xff\xffsealed".as_slice();
    for value in [b"".as_slice(), b"short", newer, version] {
        let mut set = redis::cmd("SET");
        let set = set.arg(KEY).arg(value);
        let () = set
            .query_async(&mut server.connection().await)
            .await
            .unwrap();
        assert_eq!(kind(store.load_ring("ring").await), StoreErrorKind::Corrupt);
        assert_eq!(ring_swap(&store, 1).await.unwrap(), Swap::Lost, "{value:?}");
        assert_eq!(ring_swap(&store, 2).await.unwrap(), Swap::Lost, "{value:?}");
    }
    let () = server.run(&format!("DEL {KEY}")).await;
    let () = server.run(&format!("SADD {KEY} member")).await;
    assert_eq!(kind(store.load_ring("ring").await), StoreErrorKind::Corrupt);
    assert_eq!(kind(ring_swap(&store, 1).await), StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_ring_never_expires_and_needs_no_memory() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    assert_eq!(ring_swap(&store, 1).await.unwrap(), Swap::Swapped);
    let () = server.run("CONFIG SET maxmemory 1").await;
    let now = Timestamp::from_secs(4_000_000_000);
    let insert = store.insert(&record(1, now)).await;
    assert_eq!(kind(insert), StoreErrorKind::Unavailable);
    assert_eq!(ring_swap(&store, 2).await.unwrap(), Swap::Swapped);
    assert_eq!(ring_of(&store).await, Some(ring(2)));
    let left: i64 = server.run(&format!("PTTL {KEY}")).await;
    assert_eq!(left, -1);
}

#[tokio::test]
async fn a_replica_gives_no_ring() {
    let Some(primary) = Redis::start().await else {
        return;
    };
    let store = open(&primary).await;
    assert_eq!(ring_swap(&store, 1).await.unwrap(), Swap::Swapped);
    let replica = primary.replica().await;
    let replica = open(&replica).await;
    let unavailable = StoreErrorKind::Unavailable;
    assert_eq!(kind(replica.load_ring("ring").await), unavailable);
    assert_eq!(kind(ring_swap(&replica, 2).await), unavailable);
    assert_eq!(ring_of(&store).await, Some(ring(1)));
}

#[tokio::test]
async fn a_swap_waits_for_replicas_and_a_load_does_not() {
    let Some(primary) = Redis::start().await else {
        return;
    };
    let replica = primary.replica().await;
    let longest = Duration::from_millis(200);
    let options = RedisOptions::new().wait_for_replicas(1, longest);
    let store = open_with(&primary, options).await;
    let version = async || -> Vec<u8> { replica.run(&format!("GETRANGE {KEY} 8 8")).await };
    for next in 1..=20 {
        // A machine that is busy may be slower than the wait.
        if ring_swap(&store, next).await.is_ok() {
            assert_eq!(version().await, [next as u8]);
        }
    }
    replica.pause();
    let asked = Instant::now();
    assert_eq!(kind(ring_swap(&store, 21).await), StoreErrorKind::Timeout);
    assert!(asked.elapsed() >= longest, "it did not wait");
    assert_eq!(ring_of(&store).await, Some(ring(21)));
    replica.resume();
}
