//! Behind a pooler that gives each transaction another server.

use super::*;

async fn pooled(pooler: &PgBouncer) -> PostgresStore {
    let options = PostgresOptions::new().prepared_statements(false);
    open_with(&pooler.url(), options.max_connections(20)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_share_few_servers() {
    const SESSIONS: u128 = 40;
    let Some(server) = Postgres::start().await else {
        return;
    };
    let Some(pooler) = PgBouncer::start(&server, 3).await else {
        return;
    };
    let stores = [pooled(&pooler).await, pooled(&pooler).await];
    let mut tasks = JoinSet::new();
    for number in 0..SESSIONS {
        let store = stores[number as usize % 2].clone();
        tasks.spawn(async move {
            let subject = format!("user {}", number % 4);
            let mut last = kept(&store, number, &subject).await;
            for _ in 0..10 {
                let next = rotated(&last);
                let swap = store
                    .swap(next.session.id, last.state.version, &next.state)
                    .await
                    .expect("it swaps");
                assert_eq!(swap, Swap::Swapped);
                assert!(load(&store, number).await == next);
                last = next;
            }
            store
                .confirm(&[(last.session.id, 10)])
                .await
                .expect("it confirms");
        });
    }
    tasks.join_all().await;
    for (user, store) in [0, 1, 2, 3].into_iter().zip(stores.iter().cycle()) {
        let subject = format!("user {user}");
        let listed = store.list(ISSUER, &subject, None, 99).await;
        let listed = listed.expect("it lists").records;
        assert_eq!(listed.len(), 10);
        assert!(
            listed
                .iter()
                .all(|record| record.state.confirmed_at.is_some())
        );
        let ended = store
            .end_all(ISSUER, &subject, None, EndReason::Logout)
            .await;
        assert_eq!(ended.expect("it ends").len(), 10);
    }
    // None of the servers has anything prepared, or set.
    let servers = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'";
    assert_eq!(told::<i64>(&server, servers).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_behind_the_pooler_comes_back() {
    let Some(mut server) = Postgres::start().await else {
        return;
    };
    let Some(pooler) = PgBouncer::start(&server, 3).await else {
        return;
    };
    let store = pooled(&pooler).await;
    let first = kept(&store, 1, "ada").await;
    server.kill9();
    server.restart().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.load(first.session.id).await.is_err() {
        assert!(Instant::now() < deadline, "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(load(&store, 1).await == first);
}
