//! Opening a store on several servers: what is refused, and which rights it needs.

use tests_shared::servers::{
    redis::Engine,
    redis_cluster::RedisCluster,
    sentinel::{NAME, Watched},
};

use super::{opening::TLS, *};

#[tokio::test]
async fn addresses_name_servers_of_the_right_kind() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let at = format!("127.0.0.1:{}", server.port());
    for (url, why) in [
        ("redis+cluster://", "its address is no Redis address"),
        ("redis+cluster://a,,b", "its address is no Redis address"),
        ("redis+sentinel://a", "its address is no Redis address"),
        ("redis+else://a", "its address is no Redis address"),
        ("rediss+cluster://a", TLS),
        (
            "redis+cluster://127.0.0.1:1,127.0.0.1:2",
            "its server cannot be reached",
        ),
        (
            "redis+sentinel://127.0.0.1:1/main",
            "its server cannot be reached",
        ),
        (
            &format!("redis+cluster://{at}"),
            "its servers are no cluster, or do not tell the user of it",
        ),
        (
            &format!("redis+sentinel://{at}/main"),
            "its sentinels are none, or do not tell the user of their primary",
        ),
    ] {
        assert_eq!(refused(RedisStore::connect(url)).await, why, "{url:?}");
    }
}

#[tokio::test]
async fn a_cluster_is_not_taken_for_a_server_nor_joined_by_everybody() {
    let Some(cluster) = RedisCluster::without_replicas(Engine::Redis).await else {
        return;
    };
    let one = cluster.nodes[0].url();
    assert_eq!(
        refused(RedisStore::connect(&one)).await,
        "its server is one of a cluster: such an address begins with redis+cluster://"
    );
    let password = "CONFIG SET requirepass secret";
    for server in &cluster.nodes {
        let commands = "evalsha script|load time get set getrange setrange bitfield zadd zrange \
            zrandmember zrem pexpireat pexpiretime info role quit ping wait cluster|slots asking";
        let mut acl = redis::cmd("ACL");
        acl.arg(&["SETUSER", "app", "on", ">secret", "~tower_bearer:*"]);
        for command in commands.split_whitespace() {
            acl.arg(format!("+{command}"));
        }
        let mut admin = server.connection().await;
        acl.query_async::<()>(&mut admin).await.unwrap();
        let mut stranger = redis::cmd("ACL");
        stranger.arg(&[
            "SETUSER",
            "nobody",
            "on",
            ">secret",
            "~*",
            "+@all",
            "-@scripting",
        ]);
        stranger.query_async::<()>(&mut admin).await.unwrap();
        let () = server.run(password).await;
    }
    let with = |user: &str| cluster.url().replace("://", &format!("://{user}"));
    let rejected = "its server refuses the user or the password";
    assert_eq!(refused(RedisStore::connect(&with(""))).await, rejected);
    assert_eq!(
        refused(RedisStore::connect(&with("app:wrong@"))).await,
        rejected
    );
    assert_eq!(
        refused(RedisStore::connect(&with("nobody:secret@"))).await,
        "its server cannot be used: it is not Redis 7, or does not let the user run scripts"
    );

    // The rights that the docs name are enough.
    let options = RedisOptions::new().wait_for_replicas(0, Duration::from_secs(5));
    let store = RedisStore::connect_with(&with("app:secret@"), options).await;
    let store = store.unwrap();
    let start = now(&store).await;
    for number in 1..=20 {
        insert(&store, number).await;
    }
    let next = rotated(&load(&store, 1).await);
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
    store.confirm(&[(id(2), 0), (id(3), 0)]).await.unwrap();
    assert!(end(&store, 2).await);
    assert_eq!(live(&store).await.len(), 19);
    assert_eq!(end_all(&store).await.unwrap().len(), 19);
    assert_eq!(end_all(&store).await.unwrap().len(), 0);
    assert_eq!(ended_since(&store, start).await.len(), 20);
}

#[tokio::test]
async fn sentinels_are_asked_for_a_primary_by_its_name() {
    let Some(mut watched) = Watched::start().await else {
        return;
    };
    let url = watched.url();
    let other = url.replace(NAME, "other");
    assert_eq!(
        refused(RedisStore::connect(&other)).await,
        "its sentinels know no primary of this name"
    );
    watched.lose_a_sentinel();
    let store = RedisStore::connect(&url).await.unwrap();
    insert(&store, 1).await;
    watched.primary.kill9();
    watched.taken_over().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.load(id(1)).await.is_err() {
        assert!(Instant::now() < deadline, "the new primary is not found");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(end(&store, 1).await);
}
