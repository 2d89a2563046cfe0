//! New connections that a server refuses for a while: the store goes on once it does not any longer, and does not
//! press it until then.

use super::*;

/// For how long a server that refuses is left alone.
const PAUSE: Duration = Duration::from_millis(500);

/// Goes on to when the pause is over.
async fn pass_the_pause() {
    tokio::time::pause();
    tokio::time::advance(PAUSE).await;
    tokio::time::resume();
}

/// How many connections the server has been asked for.
async fn asked_for(server: &Redis) -> u64 {
    let stats = server.info("stats").await;
    let count = stats
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().parse().unwrap()
}

/// A user who may do all, with this password from now on.
async fn password(server: &Redis, password: &str) {
    let user = format!("ACL SETUSER app on resetpass >{password} ~* &* +@all");
    let () = server.run(&user).await;
}

/// Whoever is connected as that user is not any longer.
async fn cut_off(server: &Redis) {
    let _: u64 = server.run("CLIENT KILL USER app").await;
}

async fn open_as_app(server: &Redis, options: RedisOptions) -> RedisStore {
    password(server, "secret").await;
    let url = format!("redis://app:secret@127.0.0.1:{}/1", server.port());
    let store = RedisStore::connect_with(&url, options).await;
    store.expect("the store opens")
}

fn patient() -> RedisOptions {
    RedisOptions::new().timeout(Duration::from_secs(20))
}

#[tokio::test]
async fn a_password_that_was_another_for_a_while() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let options = patient().wait_for_replicas(0, Duration::from_secs(5));
    let store = open_as_app(&server, options).await;
    let first = insert(&store, 1).await;
    for _ in 0..2 {
        password(&server, "another").await;
        cut_off(&server).await;
        for _ in 0..2 {
            assert_eq!(failures(&store).await, [StoreErrorKind::Unavailable; 9]);
        }
        password(&server, "secret").await;
        pass_the_pause().await;
        assert!(load(&store, 1).await == first);
    }
    // A read is sent again. A write is not, and may meet a connection that was cut off.
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.end(id(1), EndReason::Logout).await.is_err() {
        assert!(Instant::now() < deadline, "it stays broken");
    }
    assert!(load(&store, 1).await.state.ended.is_some());
}

#[tokio::test]
async fn a_server_that_had_too_many_clients() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open_as_app(&server, patient()).await;
    let first = insert(&store, 1).await;
    let mut admin = server.connection().await;
    let mut run = async |words: &str| {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command
            .query_async::<redis::Value>(&mut admin)
            .await
            .unwrap();
    };
    run("CONFIG SET maxclients 1").await;
    run("CLIENT KILL USER app").await;
    assert_eq!(failures(&store).await, [StoreErrorKind::Unavailable; 9]);
    run("CONFIG SET maxclients 100").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.load(id(1)).await.is_err() {
        assert!(Instant::now() < deadline, "it stays broken");
    }
    assert!(load(&store, 1).await == first);
}

/// The database is chosen as the connection is made.
#[tokio::test]
async fn a_right_that_was_missing() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open_as_app(&server, patient()).await;
    let first = insert(&store, 1).await;
    let () = server.run("ACL SETUSER app -select").await;
    cut_off(&server).await;
    assert_eq!(failures(&store).await, [StoreErrorKind::Unavailable; 9]);
    let () = server.run("ACL SETUSER app +select").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.load(id(1)).await.is_err() {
        assert!(Instant::now() < deadline, "it stays broken");
    }
    assert!(load(&store, 1).await == first);
}

#[tokio::test]
async fn a_server_that_refuses_is_left_alone_for_a_while() {
    const CALLS: u64 = 200;
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open_as_app(&server, patient()).await;
    let first = insert(&store, 1).await;
    password(&server, "another").await;
    cut_off(&server).await;
    let (before, began) = (asked_for(&server).await, Instant::now());
    for _ in 0..CALLS {
        let failed = kind(store.load(id(1)).await);
        assert_eq!(failed, StoreErrorKind::Unavailable);
    }
    let pauses = began.elapsed().as_millis() / PAUSE.as_millis();
    let asked = asked_for(&server).await - before;
    // The driver tries a connection up to three times.
    let most = 3 * (2 + u64::try_from(pauses).unwrap());
    assert!(asked <= most, "{asked} connections for {CALLS} calls");
    password(&server, "secret").await;
    pass_the_pause().await;
    assert!(load(&store, 1).await == first);
}
