//! Addresses, prefixes and what the store asks of a server.

use redis::aio::ConnectionManager;

use super::*;

pub(super) const TLS: &str =
    "its address asks for TLS, which needs a TLS feature of the crate redis";
const NUMBER: &str = "its address names a database by its number, and a cluster has none but 0";

#[tokio::test]
async fn addresses_are_urls_of_servers_that_answer() {
    for (url, why) in [
        ("", "its address is no Redis address"),
        ("127.0.0.1:6379", "its address is no Redis address"),
        ("http://127.0.0.1/", "its address is no Redis address"),
        (
            "redis://127.0.0.1/nothing",
            "its address is no Redis address",
        ),
        ("rediss://127.0.0.1/", TLS),
        ("rediss+cluster://127.0.0.1:1,127.0.0.1:2", TLS),
        ("rediss+sentinel://127.0.0.1/main", TLS),
        ("redis+cluster://127.0.0.1:1,127.0.0.1:2/3", NUMBER),
        (
            "redis+cluster://127.0.0.1:1/0",
            "its server cannot be reached",
        ),
        ("redis://127.0.0.1:1/", "its server cannot be reached"),
        (
            "redis+unix:///no/such/socket",
            "its server cannot be reached",
        ),
    ] {
        assert_eq!(refused(RedisStore::connect(url)).await, why, "{url:?}");
    }
}

#[tokio::test]
async fn who_is_let_in_is_up_to_the_server() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let mut admin = server.connection().await;
    let mut set = redis::cmd("CONFIG");
    set.arg(&["SET", "requirepass", "open sesame"]);
    set.query_async::<()>(&mut admin).await.unwrap();
    let at = format!("127.0.0.1:{}", server.port());
    let rejected = "its server refuses the user or the password";
    let connect =
        async |user: &str| refused(RedisStore::connect(&format!("redis://{user}{at}/"))).await;
    assert_eq!(connect("").await, rejected);
    assert_eq!(connect(":wrong@").await, rejected);
    let url = format!("redis://:open%20sesame@{at}/");
    let store = RedisStore::connect(&url).await.unwrap();
    insert(&store, 1).await;
    let shown = format!("{store:?}");
    assert_eq!(shown, "RedisStore { prefix: \"tower_bearer:\", .. }");

    // A user who may do nothing, from the start or from some time on.
    let mut acl = async |rule: &str| {
        let mut acl = redis::cmd("ACL");
        acl.arg("SETUSER").arg(rule.split(' ').collect::<Vec<_>>());
        acl.query_async::<()>(&mut admin).await.unwrap();
    };
    acl("app on >secret ~* +@all").await;
    let store = RedisStore::connect(&format!("redis://app:secret@{at}/")).await;
    let store = store.unwrap();
    assert!(find(&store, 1).await.is_some());
    acl("app -@scripting").await;
    assert_eq!(kind(store.load(id(1)).await), StoreErrorKind::Unavailable);
    let scripts =
        "its server cannot be used: it is not Redis 7, or does not let the user run scripts";
    assert_eq!(connect("app:secret@").await, scripts);
}

#[tokio::test]
async fn the_rights_that_the_docs_name_are_enough() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let commands = "evalsha script|load time get set getrange setrange bitfield zadd zrange \
        zrandmember zrem pexpireat pexpiretime info scan role quit ping wait";
    let mut acl = redis::cmd("ACL");
    acl.arg(&["SETUSER", "app", "on", ">secret", "~tower_bearer:*"]);
    for command in commands.split_whitespace() {
        acl.arg(format!("+{command}"));
    }
    let mut admin = server.connection().await;
    acl.query_async::<()>(&mut admin).await.unwrap();
    let url = format!("redis://app:secret@127.0.0.1:{}/", server.port());
    let options = RedisOptions::new().wait_for_replicas(0, Duration::from_secs(5));
    let store = RedisStore::connect_with(&url, options).await.unwrap();

    let start = now(&store).await;
    // So many that old entries are looked for, and notes too.
    for number in 1..=20 {
        insert(&store, number).await;
    }
    let mut next = rotated(&load(&store, 1).await);
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
    store.confirm(&[(id(2), 0)]).await.unwrap();
    assert!(load(&store, 2).await.state.confirmed_at.is_some());
    next.state.version = 2;
    next.state.ended = Some(Ended::new(now(&store).await, EndReason::Reuse));
    assert_eq!(swap(&store, 1, &next).await, Swap::Swapped);
    assert!(end(&store, 2).await);
    assert_eq!(live(&store).await.len(), 18);
    assert_eq!(walked(&store, None).await.len(), 18);
    assert_eq!(end_all(&store).await.unwrap().len(), 18);
    assert_eq!(ended_since(&store, start).await.len(), 20);
    assert_eq!(store.delete_expired(9).await.unwrap(), 0);
    let left: u64 = server.run(&format!("ZCARD {}", index("ada"))).await;
    assert_eq!(left, 0, "entries of ended sessions");
    let ring = SealedRing::new(1, *b"sealed").unwrap();
    let first = store.swap_ring("ring", None, &ring).await;
    assert_eq!(first.unwrap(), Swap::Swapped);
    assert_eq!(store.load_ring("ring").await.unwrap().ring, Some(ring));
}

#[tokio::test]
async fn prefixes_keep_stores_apart() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let with = async |prefix: &str| open_with(&server, RedisOptions::new().prefix(prefix)).await;
    let (one, two) = (with("one:").await, with("t{w}o \0:").await);
    let first = insert(&one, 1).await;
    assert!(find(&two, 1).await.is_none());
    assert_eq!(live(&two).await, []);
    assert_eq!(swap(&two, 0, &rotated(&first)).await, Swap::Lost);
    assert!(!end(&two, 1).await);
    insert(&two, 1).await;
    insert(&two, 2).await;
    assert_eq!(walked(&two, None).await, [id(1), id(2)].into());
    assert_eq!(walked(&one, None).await, [id(1)].into());
    assert_eq!(end_all(&two).await.unwrap(), [id(1), id(2)]);
    assert!(load(&one, 1).await == first);
    // No prefix at all, and the hash tags of a cluster.
    for prefix in ["", "{shop}:", "{", "}", "{}", "a*[b-c]?^\\:"] {
        let store = with(prefix).await;
        let start = now(&store).await;
        insert(&store, 1).await;
        assert_eq!(live(&store).await, [id(1)], "{prefix:?}");
        assert_eq!(walked(&store, None).await, [id(1)].into(), "{prefix:?}");
        assert_eq!(end_all(&store).await.unwrap(), [id(1)], "{prefix:?}");
        assert_eq!(ended_since(&store, start).await.len(), 1, "{prefix:?}");
        let is_there = format!("EXISTS {prefix}session:{{{}}}", id(1));
        assert!(server.run::<bool>(&is_there).await, "{prefix:?}");
    }
    let mut keys: Vec<String> = server.run("KEYS one:*").await;
    keys.sort();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].starts_with("one:session:{") && keys[1].starts_with("one:subject:"));
}

#[tokio::test]
async fn the_applications_own_connection_will_do() {
    let Some(server) = Redis::start().await else {
        return;
    };
    for protocol in ["", "?protocol=resp3"] {
        let client = redis::Client::open(format!("{}{protocol}", server.url())).unwrap();
        let manager = ConnectionManager::new(client).await.unwrap();
        let store = RedisStore::new(manager.clone()).await.unwrap();
        let prefixed = RedisOptions::new().prefix(format!("own{protocol}:"));
        let store = [
            store,
            RedisStore::new_with(manager, prefixed).await.unwrap(),
        ];
        let [_, store] = store;
        insert(&store, 1).await;
        assert_eq!(live(&store).await, [id(1)]);
        assert_eq!(end_all(&store).await.unwrap(), [id(1)]);
        assert!(!end(&store, 1).await);
    }
}

#[tokio::test]
async fn a_server_that_cannot_wait_for_disks_is_refused() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let info = server.info("server").await;
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    let options = RedisOptions::new().wait_for_disks(0, Duration::from_secs(5));
    let opened = RedisStore::connect_with(&server.url(), options).await;
    if version.expect("a version").starts_with("7.0.") {
        assert!(opened.is_err());
    } else {
        let store = opened.unwrap();
        insert(&store, 1).await;
        assert!(end(&store, 1).await);
    }
}
