//! The list of all sessions, by parts of the keys of a server.

use tests_shared::servers::{redis::Engine, redis_cluster::RedisCluster};

use super::*;

const CURSOR: StoreErrorKind = StoreErrorKind::Cursor;

/// What goes on from a place in the keys means something only to the run of the server that has told it.
#[tokio::test]
async fn a_list_of_all_begins_anew_after_a_restart() {
    for engine in [Engine::Redis, Engine::Valkey] {
        let Some(mut server) = Redis::start_as(engine, &[]).await else {
            return;
        };
        let store = open(&server).await;
        for number in 0..500 {
            insert(&store, number).await;
        }
        // Keys that are none of the store's, and one that looks like a session.
        for number in 0..500 {
            let () = server.run(&format!("SET other:{number} x")).await;
        }
        let () = server.run("SET tower_bearer:session:{x} x").await;
        let all = (0..500).map(id).collect();
        assert_eq!(walked(&store, None).await, all);

        let page = store.list_all(ISSUER, None, 30).await.unwrap();
        let next = page.next.expect("more than a page");
        assert!(store.list_all(ISSUER, Some(&next), 30).await.is_ok());
        server.stop();
        server.restart().await;
        let again = store.list_all(ISSUER, Some(&next), 30).await;
        assert_eq!(kind(again), CURSOR);
        assert_eq!(walked(&store, None).await, all);
    }
}

#[tokio::test]
async fn a_list_of_all_goes_over_the_servers_of_a_cluster() {
    for engine in [Engine::Redis, Engine::Valkey] {
        let Some(mut cluster) = RedisCluster::without_replicas(engine).await else {
            return;
        };
        let store = RedisStore::connect(&cluster.url()).await.unwrap();
        for number in 0..300 {
            insert(&store, number).await;
        }
        let all = (0..300).map(id).collect();
        assert_eq!(walked(&store, None).await, all);

        // Where a slot has gone to another server, its sessions could be missed.
        let next = store.list_all(ISSUER, None, 30).await.unwrap().next;
        let next = next.expect("more than a page");
        let at = cluster.owner(0, &key(7)).await;
        let slot = cluster.slot(0, &key(7)).await;
        cluster.move_slot(slot, at, (at + 1) % 3).await;
        // The store learns of it as it looks for a session there.
        load(&store, 7).await;
        let again = store.list_all(ISSUER, Some(&next), 30).await;
        assert_eq!(kind(again), CURSOR);
        assert_eq!(walked(&store, None).await, all);

        // None is kept quiet about where a server is down.
        cluster.nodes[2].kill9();
        let (mut after, mut outcome) = (None, Ok(()));
        while outcome.is_ok() {
            match store.list_all(ISSUER, after.as_ref(), 30).await {
                Ok(page) => after = Some(page.next.expect("not the last page")),
                Err(error) => outcome = Err(error),
            }
        }
        assert_eq!(kind(outcome), StoreErrorKind::Unavailable);
        cluster.nodes[2].restart().await;
        cluster.whole().await;
        assert_eq!(walked(&store, None).await, all);
    }
}
