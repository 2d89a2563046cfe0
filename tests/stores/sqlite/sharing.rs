//! Several stores, processes and connections on one database.

use super::*;

#[tokio::test]
async fn what_was_written_outlives_the_store() {
    let (_directory, url) = place();
    let first = open(&url).await;
    first.insert(&long_record(1)).await;
    first.insert(&record(2, "ada")).await;
    assert!(first.store.end(id(2), EndReason::Logout).await.unwrap());
    let kept = [first.load(id(1)).await, first.load(id(2)).await];
    // Dropped without a close, as by a crash.
    drop(first);

    let second = open(&url).await;
    for record in &kept {
        assert!(second.load(record.session.id).await == *record);
    }
    second.store.close().await;
    let third = open(&url).await;
    assert!(third.load(id(1)).await == kept[0]);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let setup = in_a_file().await;
    setup.insert(&record(1, "ada")).await;
    let clone = SqliteStore::clone(&setup.store);
    setup.store.close().await;
    for store in [&setup.store, &clone] {
        let error = store.load(id(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let error = store.end(id(1), EndReason::Logout).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_other() {
    let (_directory, url) = place();
    let (one, two) = (open(&url).await, open(&url).await);
    one.insert(&record(1, "ada")).await;
    assert_eq!(two.live("ada").await, [id(1)]);
    let error = two.store.insert(&record(1, "eve")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Duplicate);
    assert_eq!(
        two.swap(0, &rotated(&record(1, "ada"))).await,
        Swap::Swapped
    );
    assert_eq!(one.load(id(1)).await.state.generation, 1);
    assert!(one.store.end(id(1), EndReason::Logout).await.unwrap());
    let ended = two.load(id(1)).await;
    assert_eq!(two.swap(2, &rotated(&ended)).await, Swap::Lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_swaps_of_many_stores_one_wins() {
    let (_directory, url) = place();
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(open(&url).await);
    }
    for round in 0..10 {
        let first = record(round, "ada");
        stores[0].insert(&first).await;
        let mut tasks = JoinSet::new();
        for task in 0..16_u32 {
            let store = stores[task as usize % 4].store.clone();
            let mut next = rotated(&first);
            next.state.late = task;
            tasks.spawn(async move {
                (
                    store.swap(next.session.id, 0, &next.state).await.unwrap(),
                    next,
                )
            });
        }
        let mut outcomes = tasks.join_all().await;
        outcomes.retain(|(swap, _)| *swap == Swap::Swapped);
        let [(_, winner)] = outcomes.as_slice() else {
            panic!("{} have won", outcomes.len())
        };
        for setup in &stores {
            assert!(setup.load(first.session.id).await == *winner);
        }
    }
}

#[tokio::test]
async fn a_locked_database_is_busy_and_then_works() {
    let (_directory, url) = place();
    let timeout = Duration::from_millis(100);
    let options = SqliteOptions::new().busy_timeout(timeout);
    let store = SqliteStore::connect_with(&url, options).await.unwrap();
    let setup = Setup::new(|clock| store.with_clock(clock));
    let first = record(1, "ada");
    setup.insert(&first).await;

    let mut locker = connection(&url).await;
    run(&mut locker, "BEGIN EXCLUSIVE").await;
    let asked = Instant::now();
    let next = rotated(&first);
    let error = setup
        .store
        .swap(next.session.id, 0, &next.state)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert!(asked.elapsed() >= timeout, "it did not wait");
    assert!(asked.elapsed() < timeout * 600, "it waited too long");
    let error = setup
        .store
        .end(first.session.id, EndReason::Logout)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    // With a write-ahead log, readers go on.
    assert!(setup.load(first.session.id).await == first);

    run(&mut locker, "ROLLBACK").await;
    assert_eq!(setup.swap(0, &next).await, Swap::Swapped);
    assert!(setup.load(first.session.id).await == next);
}

#[tokio::test]
async fn a_writer_waits_for_a_short_lock() {
    let (_directory, url) = place();
    let setup = open(&url).await;
    setup.insert(&record(1, "ada")).await;
    let mut locker = connection(&url).await;
    run(&mut locker, "BEGIN EXCLUSIVE").await;
    let store = setup.store.clone();
    let writer = tokio::spawn(async move { store.end(id(1), EndReason::Logout).await });
    // Long enough for the writer to meet the lock; if it did not, the test still holds.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!writer.is_finished());
    run(&mut locker, "COMMIT").await;
    assert!(writer.await.unwrap().unwrap());
}

/// A statement that has waited is tried often enough to meet the moments in which the file is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_gets_its_turn_beside_one_that_never_stops() {
    const SWAPS: u64 = 50;
    let (_directory, url) = place();
    let setup = open(&url).await;
    setup.insert(&record(1, "ada")).await;
    let mut other = connection(&url).await;
    run(&mut other, "CREATE TABLE others (number INTEGER)").await;
    run(&mut other, "INSERT INTO others VALUES (0)").await;
    let (done, mut is_done) = tokio::sync::oneshot::channel();
    let writing = tokio::spawn(async move {
        let mut writes = 0;
        while is_done.try_recv().is_err() {
            run(
                &mut other,
                "BEGIN IMMEDIATE; UPDATE others SET number = number + 1",
            )
            .await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            run(&mut other, "COMMIT").await;
            writes += 1;
            // In this time the store has to come.
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        writes
    });
    let mut last = record(1, "ada");
    for version in 0..SWAPS {
        let next = rotated(&last);
        assert_eq!(setup.swap(version, &next).await, Swap::Swapped);
        last = next;
    }
    done.send(()).expect("it writes");
    let writes = writing.await.expect("no panic");
    println!("the other wrote {writes} times during {SWAPS} swaps");
    assert!(writes < 20 * SWAPS, "{writes} writes");
}

/// Here the pool's wait, of a second, is longer than that for the lock.
#[tokio::test]
async fn to_wait_for_a_connection_takes_nothing_from_the_wait_for_the_lock() {
    let (_directory, url) = place();
    let options = SqliteOptions::new().busy_timeout(Duration::from_millis(500));
    let store = SqliteStore::connect_with(&url, options).await.unwrap();
    let setup = Setup::new(|clock| store.with_clock(clock));
    setup.insert(&record(1, "ada")).await;
    let mut locker = connection(&url).await;
    run(&mut locker, "BEGIN IMMEDIATE").await;
    let end = |number| {
        let store = setup.store.clone();
        tokio::spawn(async move { store.end(id(number), EndReason::Logout).await })
    };
    let (first, second) = (end(1), end(1));
    // The first has the connection, and gives up.
    assert_eq!(
        first.await.unwrap().unwrap_err().kind(),
        StoreErrorKind::Busy
    );
    // Longer than SQLite itself waits.
    tokio::time::sleep(Duration::from_millis(20)).await;
    run(&mut locker, "COMMIT").await;
    assert!(second.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_a_timeout() {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(60))
        .connect_with(options("sqlite::memory:"))
        .await
        .unwrap();
    let setup = over(pool.clone()).await;
    let taken = pool.acquire().await.unwrap();
    // Nothing else happens meanwhile, so the clock goes on to the timeout by itself.
    tokio::time::pause();
    let error = setup.store.load(id(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    tokio::time::resume();
    drop(taken);
    assert!(setup.find(id(1)).await.is_none());
}

#[tokio::test]
async fn databases_in_memory_are_each_their_own() {
    let (one, two) = (in_memory().await, in_memory().await);
    one.insert(&record(1, "ada")).await;
    assert!(two.find(id(1)).await.is_none());
    assert!(one.find(id(1)).await.is_some());
}

#[tokio::test]
async fn a_table_that_a_neighbour_in_memory_writes_is_busy() {
    // Connections that share a cache lock tables, and say so with an extended code.
    let pool = SqlitePoolOptions::new().max_connections(2);
    let pool = pool.connect_with(options("sqlite::memory:")).await.unwrap();
    let setup = over(pool.clone()).await;
    setup.insert(&record(1, "ada")).await;
    let mut neighbour = pool.acquire().await.unwrap();
    run(
        &mut neighbour,
        "BEGIN; UPDATE tower_bearer_sessions SET late = 1",
    )
    .await;
    let error = setup.store.load(id(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    run(&mut neighbour, "ROLLBACK").await;
    assert!(setup.load(id(1)).await == record(1, "ada"));
}
