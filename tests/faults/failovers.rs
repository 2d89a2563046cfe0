//! Failovers that the servers make by themselves: those of a Redis Cluster, and those of Sentinel.
//!
//! What the new primary had not received is lost. Here that may be rotations, as nobody leaves or
//! comes meanwhile. What was ended before has waited for the replica.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tests_shared::servers::{redis::Engine, redis_cluster::RedisCluster, sentinel::Watched};
use tokio::time::Instant;
use tower_bearer_redis::{RedisOptions, RedisStore};

use super::clients::Load;

/// Clients at two application servers, at the stores' servers at this address.
async fn load(url: &str) -> Load<RedisStore> {
    let store = async || {
        let options = RedisOptions::new().wait_for_replicas(1, Duration::from_millis(500));
        let store = RedisStore::connect_with(url, options).await;
        store.expect("it connects")
    };
    Load::on([store().await, store().await]).await
}

/// From now on, or no longer.
async fn writes_may_be_lost(load: &mut Load<RedisStore>, may_be: bool) {
    load.ledger.store_loses_writes.store(may_be, Relaxed);
    load.ledger.nobody_leaves.store(may_be, Relaxed);
    // Who is leaving has left.
    load.enough().await;
}

async fn cluster_loses_primaries(engine: Engine) {
    let Some(mut cluster) = RedisCluster::start(engine, &[]).await else {
        return;
    };
    let mut load = load(&cluster.url()).await;
    let mut longest = Duration::ZERO;
    // One after the other, and then the one that took over first.
    for (lost, heir) in [(0, 3), (1, 4), (3, 0)] {
        writes_may_be_lost(&mut load, true).await;
        let since = Instant::now();
        cluster.nodes[lost].kill9();
        cluster.taken_over(heir).await;
        load.enough().await;
        longest = longest.max(since.elapsed());
        cluster.nodes[lost].restart().await;
        cluster.following(lost).await;
        writes_may_be_lost(&mut load, false).await;
    }
    let lost = load.application.restored();
    assert!(load.ledger.unavailable.load(Relaxed) > 0, "nobody noticed");
    let what = format!(
        "a cluster of {engine:?}, three primaries killed, all clients served within {} ms, {lost} sessions \
         behind their clients",
        longest.as_millis()
    );
    load.settle(&what).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_cluster() {
    cluster_loses_primaries(Engine::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_cluster() {
    cluster_loses_primaries(Engine::Valkey).await;
}

/// A primary is cut off from everybody, is replaced, and comes back in the belief that it is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn split_cluster() {
    let Some(cluster) = RedisCluster::start(Engine::Redis, &[]).await else {
        return;
    };
    let mut load = load(&cluster.url()).await;
    for (cut_off, heir) in [(0, 3), (1, 4)] {
        writes_may_be_lost(&mut load, true).await;
        cluster.nodes[cut_off].pause();
        cluster.taken_over(heir).await;
        load.enough().await;
        cluster.nodes[cut_off].resume();
        cluster.following(cut_off).await;
        writes_may_be_lost(&mut load, false).await;
    }
    let lost = load.application.restored();
    let what = format!("a split Redis Cluster, {lost} sessions behind their clients");
    load.settle(&what).await;
}

/// The store finds the new primary by asking the sentinels again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel() {
    let Some(mut watched) = Watched::start().await else {
        return;
    };
    let mut load = load(&watched.url()).await;
    writes_may_be_lost(&mut load, true).await;
    watched.lose_a_sentinel();
    watched.primary.kill9();
    watched.taken_over().await;
    load.enough().await;
    // The sentinels make it a replica of the new one.
    watched.primary.restart().await;
    watched.returned().await;
    writes_may_be_lost(&mut load, false).await;
    assert!(load.ledger.unavailable.load(Relaxed) > 0, "nobody noticed");
    let lost = load.application.restored();
    let what = format!("Redis with Sentinel, failed over, {lost} sessions behind their clients");
    load.settle(&what).await;
}
