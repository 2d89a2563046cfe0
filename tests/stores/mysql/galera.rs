//! A cluster of which each node takes writes: each call goes to another node than the one before.

use tests_shared::servers::galera::Galera;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_node_has_acknowledged_the_other_knows() {
    let Some(cluster) = Galera::start().await else {
        return;
    };
    let [one, other] = [0, 1].map(|node: usize| cluster.nodes[node].url());
    let [one, other] = [
        open_with(&one, patient()).await,
        open_with(&other, patient()).await,
    ];
    for number in 0..100 {
        let first = kept(&one, number, "ada").await;
        assert!(load(&other, number).await == first);
        let next = rotated(&first);
        let swap = other.swap(id(number), 0, &next.state).await;
        assert_eq!(swap.expect("it swaps"), Swap::Swapped);
        let late = one.swap(id(number), 0, &next.state).await;
        assert_eq!(late.expect("it swaps"), Swap::Lost);
        one.confirm(&[(id(number), 1)]).await.expect("it confirms");
        assert!(load(&other, number).await.state.confirmed_at.is_some());
        match number % 2 {
            0 => assert!(
                other
                    .end(id(number), EndReason::Logout)
                    .await
                    .expect("it ends")
            ),
            _ => {
                let ended = other.end_all(ISSUER, "ada", None, EndReason::Logout).await;
                assert_eq!(ended.expect("it ends"), [id(number)]);
            }
        }
        let listed = one.list(ISSUER, "ada", None, 9).await;
        assert!(listed.expect("it lists").records.is_empty());
    }
}

/// Of those who rotate the same session at both nodes, one wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_is_swapped_once() {
    const SWAPS: u64 = 100;
    let Some(cluster) = Galera::start().await else {
        return;
    };
    let mut stores = Vec::new();
    for node in &cluster.nodes {
        stores.push(open_with(&node.url(), patient()).await);
    }
    let mut last = kept(&stores[0], 1, "ada").await;
    let mut busy = 0;
    for _ in 0..SWAPS {
        let mut tasks = JoinSet::new();
        let next = rotated(&last);
        for store in [&stores[0], &stores[1], &stores[0], &stores[1]] {
            let (store, next, expected) = (store.clone(), next.clone(), last.state.version);
            tasks.spawn(async move { store.swap(id(1), expected, &next.state).await });
        }
        let swaps = tasks.join_all().await;
        let won = swaps
            .iter()
            .filter(|swap| matches!(swap, Ok(Swap::Swapped)));
        assert_eq!(won.count(), 1, "{swaps:?}");
        for swap in swaps {
            match swap {
                Ok(_) => {}
                Err(error) if error.kind() == StoreErrorKind::Busy => busy += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(load(&stores[1], 1).await == next);
        last = next;
    }
    println!(
        "{busy} of {} swaps of one version by two nodes were refused as busy",
        4 * SWAPS
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_lost_its_cluster_answers_nothing() {
    let Some(mut cluster) = Galera::start().await else {
        return;
    };
    let url = cluster.nodes[1].url();
    let store = open(&url).await;
    kept(&store, 1, "ada").await;
    cluster.nodes[0].kill9();
    let deadline = Instant::now() + Duration::from_secs(60);
    // While it does not know yet, it may answer or wait for the other node.
    let is_alone = async || matches!(store.load(id(1)).await, Err(error) if error.kind() == StoreErrorKind::Unavailable);
    while !is_alone().await {
        assert!(Instant::now() < deadline, "it answers alone");
    }
    let outcomes = [
        store.now().await.map(drop),
        store.load(id(1)).await.map(drop),
        store.list(ISSUER, "ada", None, 9).await.map(drop),
        store.end(id(1), EndReason::Logout).await.map(drop),
        store
            .end_all(ISSUER, "ada", None, EndReason::Logout)
            .await
            .map(drop),
    ];
    for outcome in outcomes {
        let error = outcome.expect_err("it is alone");
        let kinds = [
            StoreErrorKind::Unavailable,
            StoreErrorKind::Busy,
            StoreErrorKind::Timeout,
        ];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
    let why = "its server is in no working cluster";
    while refused(MySqlStore::connect(&url)).await != why {
        assert!(Instant::now() < deadline, "it does not say why");
    }
}
