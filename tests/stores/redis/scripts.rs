//! Scripts, and the numbers that they count with.

use super::*;

#[tokio::test]
async fn a_server_that_forgets_its_scripts_is_given_them_again() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let forget = async || -> () { server.run("SCRIPT FLUSH").await };
    forget().await;
    for number in 0..300 {
        insert(&store, number).await;
    }
    let mut first = load(&store, 0).await;
    forget().await;
    let next = rotated(&first);
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
    forget().await;
    first = load(&store, 0).await;
    assert!(first == next);

    forget().await;
    let all: Vec<_> = (0..300).map(|number| (id(number), 0)).collect();
    store.confirm(&all).await.unwrap();
    for number in 1..300 {
        let kept = load(&store, number).await;
        assert!(kept.state.confirmed_at.is_some() && kept.state.version == 1);
    }
    forget().await;
    assert_eq!(live(&store).await.len(), 300);
    forget().await;
    assert!(end(&store, 7).await);
    forget().await;
    assert_eq!(end_all(&store).await.unwrap().len(), 299);
}

#[tokio::test]
async fn versions_are_exact_to_64_bits() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let mut kept = insert(&store, 1).await;
    let far = [(1 << 53) + 1, i64::MAX as u64 - 1, u64::MAX - 4];
    for version in far {
        let mut next = kept.clone();
        next.state.version = version;
        assert_eq!(swap(&store, kept.state.version, &next).await, Swap::Swapped);
        assert!(load(&store, 1).await == next);
        // What a double takes for the same.
        for other in [version - 1, version + 1] {
            assert_eq!(swap(&store, other, &kept).await, Swap::Lost);
        }
        kept = next;
    }
    store.confirm(&[(id(1), 0)]).await.unwrap();
    assert_eq!(load(&store, 1).await.state.version, u64::MAX - 3);

    // The highest of all stays, and ends.
    let mut highest = load(&store, 1).await;
    (highest.state.version, highest.state.confirmed_at) = (u64::MAX, None);
    assert_eq!(swap(&store, u64::MAX - 3, &highest).await, Swap::Swapped);
    store.confirm(&[(id(1), 0)]).await.unwrap();
    assert_eq!(load(&store, 1).await.state.version, u64::MAX);
    assert!(end(&store, 1).await);
    assert!(load(&store, 1).await.state.ended.is_some());

    // Up to where a signed number of 64 bits ends, and beyond.
    for (number, version) in [
        (2, i64::MAX as u64 - 1),
        (3, i64::MAX as u64),
        (4, (1 << 53) - 1),
    ] {
        let mut next = insert(&store, number).await;
        next.state.version = version;
        assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
        store.confirm(&[(id(number), 0)]).await.unwrap();
        assert_eq!(load(&store, number).await.state.version, version + 1);
        assert!(end(&store, number).await);
        assert_eq!(load(&store, number).await.state.version, version + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_runs_and_runs_makes_the_store_busy() {
    let Some(server) = Redis::start_with(&[("busy-reply-threshold", "50")]).await else {
        return;
    };
    let store = open(&server).await;
    insert(&store, 1).await;
    let mut connection = server.connection().await;
    let endless = tokio::spawn(async move {
        let mut endless = redis::cmd("EVAL");
        endless.arg("while true do end").arg(0);
        endless.query_async::<()>(&mut connection).await
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match store.load(id(1)).await {
            Ok(_) => {}
            // The first to ask may have waited too long.
            Err(error) if error.kind() == StoreErrorKind::Timeout => {}
            Err(error) => break assert_eq!(error.kind(), StoreErrorKind::Busy),
        }
        assert!(Instant::now() < deadline, "the script does not run");
    }
    let () = server.run("SCRIPT KILL").await;
    let _ = endless.await;
    assert!(find(&store, 1).await.is_some());
}
