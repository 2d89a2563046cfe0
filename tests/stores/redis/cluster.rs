//! A Redis Cluster: slots that move, shards that lose a server, and writes that wait.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tests_shared::servers::{redis::Engine, redis_cluster::RedisCluster};

use super::*;

const TIMEOUT: StoreErrorKind = StoreErrorKind::Timeout;
const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable;

/// With patience: the machine may be busy with other tests.
async fn open(cluster: &RedisCluster) -> RedisStore {
    open_with(
        cluster,
        RedisOptions::new().timeout(Duration::from_secs(20)),
    )
    .await
}

async fn open_with(cluster: &RedisCluster, options: RedisOptions) -> RedisStore {
    let store = RedisStore::connect_with(&cluster.url(), options).await;
    store.expect("the store opens")
}

/// The key that holds the note of a session's end.
fn notes(number: u128) -> String {
    match number % 16 {
        0 => "tower_bearer:ended".to_owned(),
        shard => format!("tower_bearer:ended:{shard}"),
    }
}

/// The first session from `from` on that is at the server, while the note of its end is not at `not`.
async fn session_at(cluster: &RedisCluster, server: usize, not: usize, from: u128) -> u128 {
    for number in from.. {
        let at = cluster.owner(1, &key(number)).await;
        if at == server && cluster.owner(1, &notes(number)).await != not {
            return number;
        }
    }
    unreachable!("there are many")
}

/// Sessions are swapped all the time while their slots go from server to server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_outlive_slots_that_move() {
    for engine in [Engine::Redis, Engine::Valkey] {
        let Some(cluster) = RedisCluster::without_replicas(engine).await else {
            return;
        };
        let (store, is_over) = (self::open(&cluster).await, Arc::new(AtomicBool::new(false)));
        let mut writers = JoinSet::new();
        for number in 0..8 {
            let mut kept = insert(&store, number).await;
            let (store, is_over) = (store.clone(), Arc::clone(&is_over));
            writers.spawn(async move {
                while !is_over.load(Relaxed) {
                    let next = rotated(&kept);
                    // The only writer of the session: nobody can have been faster.
                    let swapped = swap(&store, kept.state.version, &next).await;
                    assert_eq!(swapped, Swap::Swapped, "{number}");
                    kept = next;
                }
                assert!(load(&store, number).await == kept, "{number}");
                kept.state.version
            });
        }
        for number in 0..8 {
            let slot = cluster.slot(0, &key(number)).await;
            for _ in 0..3 {
                let from = cluster.owner(0, &key(number)).await;
                cluster.move_slot(slot, from, (from + 1) % 3).await;
            }
        }
        is_over.store(true, Relaxed);
        let swaps = writers.join_all().await;
        println!(
            "{engine:?}: 24 moves of a slot under {} swaps",
            swaps.iter().sum::<u64>()
        );
        assert!(swaps.iter().all(|swaps| *swaps > 24), "{swaps:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_only_about_to_get_a_slot_is_given_the_scripts() {
    let Some(cluster) = RedisCluster::without_replicas(Engine::Redis).await else {
        return;
    };
    let store = self::open(&cluster).await;
    let first = insert(&store, 1).await;
    let slot = cluster.slot(0, &key(1)).await;
    let from = cluster.owner(0, &key(1)).await;
    let to = (from + 1) % 3;
    cluster.begin_to_move(slot, from, to).await;
    cluster.move_keys(slot, from, to).await;
    let () = cluster.nodes[to].run("SCRIPT FLUSH").await;
    let next = rotated(&first);
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
    let () = cluster.nodes[to].run("SCRIPT FLUSH").await;
    assert!(load(&store, 1).await == next);
    // What is not there yet comes into being at the new owner.
    assert!(end(&store, 1).await);

    // Where the move has been made, the old owner says so, and the new one has no scripts either.
    cluster.move_slot(slot, from, to).await;
    let () = cluster.nodes[to].run("SCRIPT FLUSH").await;
    assert!(load(&store, 1).await.state.ended.is_some());
}

#[tokio::test]
async fn a_wait_counts_the_replicas_of_the_shard_that_was_written_to() {
    let Some(cluster) = RedisCluster::start(Engine::Redis, &[]).await else {
        return;
    };
    let options = RedisOptions::new()
        .timeout(Duration::from_secs(20))
        .wait_for_replicas(1, Duration::from_secs(5));
    let store = self::open_with(&cluster, options).await;
    let lame = session_at(&cluster, 0, 0, 1).await;
    let sound = session_at(&cluster, 1, 0, 1).await;
    for number in [lame, sound] {
        insert(&store, number).await;
    }
    cluster.nodes[3].pause();
    assert!(end(&store, sound).await, "its shard has its replica");
    let asked = Instant::now();
    assert_eq!(kind(store.end(id(lame), EndReason::Logout).await), TIMEOUT);
    assert!(asked.elapsed() >= Duration::from_secs(5), "it did not wait");
    // Nothing is left to be ended, and it is not known to be where it should be.
    assert_eq!(live(&store).await, []);
    assert_eq!(kind(end_all(&store).await), TIMEOUT);
    cluster.nodes[3].resume();
    cluster.following(3).await;
    assert!(!end(&store, lame).await);
    assert_eq!(end_all(&store).await.unwrap(), []);
}

#[tokio::test]
async fn a_primary_that_is_down_hides_no_session() {
    let Some(mut cluster) = RedisCluster::without_replicas(Engine::Redis).await else {
        return;
    };
    let store = self::open(&cluster).await;
    let start = now(&store).await;
    // That of the index, those of its sessions, and the notes are all over the cluster.
    let listed_at = cluster.owner(0, &index("ada")).await;
    let down = (listed_at + 1) % 3;
    let (mut up, mut lost) = (Vec::new(), Vec::new());
    for number in 1..=20 {
        insert(&store, number).await;
        match cluster.owner(0, &key(number)).await == down {
            true => lost.push(number),
            false => up.push(number),
        }
    }
    assert!(!up.is_empty() && !lost.is_empty());
    cluster.nodes[down].kill9();
    assert_eq!(kind(store.load(id(lost[0])).await), UNAVAILABLE);
    let served = load(&store, up[0]).await;
    assert_eq!(swap(&store, 0, &rotated(&served)).await, Swap::Swapped);
    store.now().await.expect("another server tells the time");
    // None of them is kept quiet about.
    assert_eq!(kind(store.list(ISSUER, "ada", None, 99).await), UNAVAILABLE);
    assert_eq!(kind(store.ended_since(start, None, 99).await), UNAVAILABLE);
    assert_eq!(kind(end_all(&store).await), UNAVAILABLE);
    for number in &up {
        let state = load(&store, *number).await.state;
        assert!(state.ended.is_some(), "{number} could be ended");
    }

    cluster.nodes[down].restart().await;
    cluster.whole().await;
    let ended = end_all(&store).await.unwrap();
    assert_eq!(
        ended,
        lost.iter().map(|number| id(*number)).collect::<Vec<_>>()
    );
    assert_eq!(ended_since(&store, start).await.len(), 20);
    assert_eq!(live(&store).await, []);
}

/// However the notes are spread, they come in the order of time, and page by page.
#[tokio::test]
async fn notes_of_all_servers_come_in_order() {
    let Some(cluster) = RedisCluster::without_replicas(Engine::Redis).await else {
        return;
    };
    let store = self::open(&cluster).await;
    let start = now(&store).await;
    for number in 0..600 {
        insert(&store, number).await;
        if number % 3 == 0 {
            assert!(end(&store, number).await);
        }
    }
    assert_eq!(end_all(&store).await.unwrap().len(), 400);
    let all = ended_since(&store, start).await;
    assert_eq!(all.len(), 600);
    assert!(all.is_sorted_by_key(|(id, at)| (*at, id.as_uuid())));
    let (mut paged, mut from) = (Vec::new(), (start, None));
    loop {
        let page = store.ended_since(from.0, from.1, 7).await.unwrap();
        let Some((id, at)) = page.last() else { break };
        from = (*at, Some(*id));
        paged.extend(page);
    }
    assert!(paged == all);
    for server in &cluster.nodes {
        let kept: Vec<String> = server.run("KEYS tower_bearer:ended*").await;
        assert!(!kept.is_empty(), "one server has no share of the notes");
    }
}

#[tokio::test]
async fn a_cluster_whose_memory_is_full_lets_sessions_go_on() {
    let Some(cluster) = RedisCluster::without_replicas(Engine::Redis).await else {
        return;
    };
    let store = self::open(&cluster).await;
    let mut kept = Vec::new();
    for number in 1..=9 {
        kept.push(insert(&store, number).await);
    }
    for server in &cluster.nodes {
        let _: String = server.run("CONFIG SET maxmemory 1").await;
    }
    let another = record(10, now(&store).await);
    assert_eq!(kind(store.insert(&another).await), UNAVAILABLE);
    for record in &kept {
        assert_eq!(swap(&store, 0, &rotated(record)).await, Swap::Swapped);
    }
    assert!(end(&store, 1).await);
    assert_eq!(end_all(&store).await.unwrap().len(), 8);
}
