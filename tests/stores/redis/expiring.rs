//! What Redis deletes by itself, and the index of what is left.

use super::*;

#[tokio::test]
async fn a_session_goes_by_itself_at_its_end() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let Some(clock) = server.clock() else { return };
    let store = open(&server).await;
    let first = insert(&store, 1).await;
    let expires_at = async || -> i64 { server.run(&format!("PEXPIRETIME {}", key(1))).await };
    let is_listed = async || -> bool { server.run(&format!("EXISTS {}", index("ada"))).await };
    let end = first.session.ends_at.as_millis() - 1;
    assert_eq!(expires_at().await, end);

    // No refresh moves the end.
    assert_eq!(swap(&store, 0, &rotated(&first)).await, Swap::Swapped);
    store.confirm(&[(first.session.id, 1)]).await.unwrap();
    assert_eq!(expires_at().await, end);
    clock.advance(2 * HOUR - Duration::from_secs(60));
    assert_eq!(load(&store, 1).await.state.generation, 1);

    clock.advance(Duration::from_secs(60));
    assert!(find(&store, 1).await.is_none());
    assert_eq!(live(&store).await, []);
    // Its entry stays a little longer, and then the index goes with it.
    assert!(is_listed().await);
    clock.advance(HOUR);
    assert!(!is_listed().await);
}

#[tokio::test]
async fn any_end_can_be_kept() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let start = now(&store).await;
    let ends = [i64::MAX, i64::MAX - 1, 1 << 53, start.as_millis() + 60_000];
    for (number, ends_at) in (0..).zip(ends) {
        let mut record = record(number, start);
        record.session.ends_at = Timestamp::from_millis(ends_at);
        store.insert(&record).await.unwrap();
        assert!(load(&store, number).await == record);
    }
    for (number, ends_at) in (10..).zip([i64::MIN, -1, 0, 1, start.as_millis()]) {
        let mut record = record(number, start);
        record.session.ends_at = Timestamp::from_millis(ends_at);
        store.insert(&record).await.unwrap();
        assert!(find(&store, number).await.is_none());
    }
    assert_eq!(live(&store).await, [3, 2, 1, 0].map(id));
    assert_eq!(end_all(&store).await.unwrap(), [0, 1, 2, 3].map(id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_does_not_grow_with_what_has_ended() {
    const BATCH: u128 = 100;
    let Some(server) = Redis::start().await else {
        return;
    };
    let Some(clock) = server.clock() else { return };
    let store = open(&server).await;
    let mut lasting = record(u128::MAX, now(&store).await);
    lasting.session.ends_at = lasting.session.created_at + 1_000 * HOUR;
    lasting.state.expires_at = lasting.session.ends_at;
    store.insert(&lasting).await.unwrap();

    let mut longest = 0;
    for batch in 0..100 {
        let start = now(&store).await;
        let mut logins = JoinSet::new();
        for number in 0..BATCH {
            let store = store.clone();
            let mut record = record(batch * BATCH + number, start);
            record.session.ends_at = start + Duration::from_secs(60);
            logins.spawn(async move { store.insert(&record).await });
        }
        logins.join_all().await.into_iter().for_each(Result::unwrap);
        clock.advance(2 * HOUR);
        let entries: u64 = server.run(&format!("ZCARD {}", index("ada"))).await;
        longest = longest.max(entries);
    }
    // Those of one batch are never of the past, and of eight that are looked at one is new.
    assert!(longest < 200, "{longest} entries for {BATCH} sessions");
    assert_eq!(live(&store).await, [lasting.session.id]);
    clock.advance(1_000 * HOUR);
    let is_there: bool = server.run(&format!("EXISTS {}", index("ada"))).await;
    assert!(!is_there);
}

#[tokio::test]
async fn a_session_does_not_outlive_its_entry_where_the_clock_falls_back() {
    let settings = [("enable-debug-command", "yes")];
    let Some(server) = Redis::start_with(&settings).await else {
        return;
    };
    let Some(clock) = server.clock() else { return };
    // As on a server that has not come round to deleting the session.
    let () = server.run("DEBUG SET-ACTIVE-EXPIRE 0").await;
    let store = open(&server).await;
    let mut first = record(1, now(&store).await);
    first.session.ends_at = first.session.created_at + HOUR;
    store.insert(&first).await.unwrap();

    clock.advance(HOUR + HOUR / 2);
    for number in 2..30 {
        insert(&store, number).await;
    }
    clock.set_back(HOUR);
    assert!(find(&store, 1).await.is_some());
    assert!(end_all(&store).await.unwrap().contains(&first.session.id));
}

#[tokio::test]
async fn an_entry_without_a_session_is_in_nobodys_way() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    for number in 1..=250 {
        insert(&store, number).await;
    }
    // Deleted by hand, or listed and then not written.
    for number in (1..=250).filter(|number| number % 10 != 0) {
        let () = server.run(&format!("DEL {}", key(number))).await;
    }
    let mut left: Vec<_> = (10..=250).step_by(10).map(id).collect();
    left.reverse();
    assert_eq!(live(&store).await, left);
    let page = store.list(ISSUER, "ada", Some(id(45)), 3).await.unwrap();
    let page: Vec<_> = page
        .records
        .iter()
        .map(|record| record.session.id)
        .collect();
    assert_eq!(page, [40, 30, 20].map(id));
    left.reverse();
    assert_eq!(end_all(&store).await.unwrap(), left);

    // Another subject's session under an identifier that was listed here.
    let mut elsewhere = record(1, now(&store).await);
    elsewhere.session.subject = "eve".to_owned();
    store.insert(&elsewhere).await.unwrap();
    assert_eq!(live(&store).await, []);
    assert_eq!(end_all(&store).await.unwrap(), []);
    assert!(load(&store, 1).await == elsewhere);
}
