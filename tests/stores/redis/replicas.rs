//! Replicas, primaries that are none any more, and writes that wait.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use tokio::net::{TcpListener, TcpStream};

use super::*;

const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable;

#[tokio::test]
async fn a_replica_serves_nothing() {
    let Some(primary) = Redis::start().await else {
        return;
    };
    let store = open(&primary).await;
    insert(&store, 1).await;
    let replica = primary.replica().await;
    let replica = open(&replica).await;
    assert_eq!(failures(&replica).await, [UNAVAILABLE; 9]);
    // Not even that there is nobody.
    let nobody = replica.list(ISSUER, "nobody", None, 1).await;
    assert_eq!(kind(nobody), UNAVAILABLE);
    let nobody = replica.end_all(ISSUER, "nobody", None, EndReason::Logout);
    assert_eq!(kind(nobody.await), UNAVAILABLE);
    replica.now().await.unwrap();
    assert!(find(&store, 1).await.is_some());
}

#[tokio::test]
async fn a_primary_that_lost_its_replicas_serves_nothing() {
    let Some(primary) = Redis::start().await else {
        return;
    };
    let store = open(&primary).await;
    insert(&store, 1).await;
    let () = primary.run("CONFIG SET min-replicas-to-write 1").await;
    assert_eq!(failures(&store).await, [UNAVAILABLE; 9]);

    let _replica = primary.replica().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.load(id(1)).await.is_err() {
        assert!(
            Instant::now() < deadline,
            "it does not count on its replica"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(end(&store, 1).await);
}

#[tokio::test]
async fn a_primary_that_was_demoted_is_left_for_the_new_one() {
    let Some(old) = Redis::start().await else {
        return;
    };
    let new = old.replica().await;
    let address = Arc::new(AtomicU16::new(old.port()));
    let store = RedisStore::connect(&forwarded(address.clone()).await).await;
    let store = store.unwrap();
    let first = insert(&store, 1).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !new.run::<bool>(&format!("EXISTS {}", key(1))).await {
        assert!(
            Instant::now() < deadline,
            "the replica does not get the session"
        );
    }

    let () = new.run("REPLICAOF NO ONE").await;
    let () = old
        .run(&format!("REPLICAOF 127.0.0.1 {}", new.port()))
        .await;
    address.store(new.port(), Ordering::SeqCst);
    // The connection still leads to the old one, which says what it is, and to many at once.
    let mut loads = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        loads.spawn(async move { store.load(id(1)).await.map_err(|error| error.kind()) });
    }
    let loads = loads.join_all().await;
    assert!(loads.iter().any(|load| matches!(load, Err(UNAVAILABLE))));
    let of_the_old = |load: &&Result<_, _>| !matches!(load, Ok(_) | Err(UNAVAILABLE));
    assert_eq!(loads.iter().filter(of_the_old).count(), 0);
    assert_eq!(swap(&store, 0, &rotated(&first)).await, Swap::Swapped);
    assert!(load(&store, 1).await.state.generation == 1);
}

/// An address that leads to the port of the moment.
async fn forwarded(port: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let port = port.load(Ordering::SeqCst);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    url
}

#[tokio::test]
async fn a_revocation_waits_for_replicas_and_nothing_else_does() {
    let Some(primary) = Redis::start().await else {
        return;
    };
    let replica = primary.replica().await;
    let waiting = async |longest| {
        let options = RedisOptions::new().wait_for_replicas(1, longest);
        open_with(&primary, options).await
    };
    let patient = waiting(Duration::from_secs(30)).await;
    let longest = Duration::from_millis(200);
    let hasty = waiting(longest).await;
    for number in 1..=5 {
        insert(&patient, number).await;
    }
    let ended = async |number| -> bool {
        let reason: Vec<u8> = replica.run(&format!("GETRANGE {} 9 9", key(number))).await;
        reason != [0]
    };
    assert!(end(&patient, 1).await);
    assert!(ended(1).await);

    replica.pause();
    let asked = Instant::now();
    let too_late = StoreErrorKind::Timeout;
    assert_eq!(kind(hasty.end(id(2), EndReason::Logout).await), too_late);
    assert!(asked.elapsed() >= longest, "it did not wait");
    assert!(load(&hasty, 2).await.state.ended.is_some());
    let mut reused = rotated(&load(&hasty, 3).await);
    reused.state.ended = Some(Ended::new(now(&hasty).await, EndReason::Reuse));
    assert_eq!(
        kind(hasty.swap(reused.session.id, 0, &reused.state).await),
        too_late
    );
    assert!(load(&hasty, 3).await == reused);
    assert_eq!(kind(end_all(&hasty).await), too_late);
    assert!(load(&hasty, 5).await.state.ended.is_some());

    // Whoever repeats a logout waits for it to be as durable as the first should have been, also if
    // somebody has tidied the index up meanwhile.
    assert_eq!(live(&hasty).await, []);
    let everywhere = patient.clone();
    let everywhere = tokio::spawn(async move { end_all(&everywhere).await });
    let again = patient.clone();
    let again = tokio::spawn(async move { again.end(id(2), EndReason::Logout).await });
    // Meanwhile others are served.
    let next = rotated(&insert(&patient, 6).await);
    assert_eq!(swap(&patient, 0, &next).await, Swap::Swapped);
    assert!(load(&patient, 6).await == next);
    assert!(!again.is_finished() && !everywhere.is_finished());
    replica.resume();
    assert_eq!(everywhere.await.unwrap().unwrap(), []);
    assert!(!again.await.unwrap().unwrap());
    assert!(ended(2).await && ended(5).await);
}
