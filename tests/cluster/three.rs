//! `examples/cluster/run` on real servers.

use tests_shared::servers::{
    mariadb::MariaDb,
    postgres::Postgres,
    redis::{Engine, Redis},
    redis_cluster::RedisCluster,
};

use super::run::run;

#[tokio::test]
async fn on_postgres() {
    if let Some(postgres) = Postgres::start().await {
        run(&postgres.url());
    }
}

#[tokio::test]
async fn on_three_shards() {
    let mut urls = Vec::new();
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    for name in ["one", "two", "three"] {
        urls.push(postgres.database(name).await);
    }
    run(&urls.join(" "));
}

#[tokio::test]
async fn on_mariadb() {
    if let Some(mariadb) = MariaDb::start().await {
        run(&mariadb.url());
    }
}

#[tokio::test]
async fn on_redis() {
    if let Some(redis) = Redis::start().await {
        run(&redis.url());
    }
}

#[tokio::test]
async fn on_a_redis_cluster() {
    if let Some(cluster) = RedisCluster::start(Engine::Redis, &[]).await {
        run(&cluster.url());
    }
}
