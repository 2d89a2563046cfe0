//! Keys that hold what the store has not written.

use super::*;

const CORRUPT: StoreErrorKind = StoreErrorKind::Corrupt;

#[tokio::test]
async fn a_key_of_another_type_is_corrupt_and_left_alone() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    for number in 1..=250 {
        insert(&store, number).await;
    }
    let () = server.run(&format!("DEL {}", key(2))).await;
    let () = server.run(&format!("RPUSH {} x", key(2))).await;

    let second = record(2, now(&store).await);
    assert_eq!(kind(store.load(id(2)).await), CORRUPT);
    assert_eq!(
        kind(
            store
                .swap(second.session.id, 0, &rotated(&second).state)
                .await
        ),
        CORRUPT
    );
    assert_eq!(kind(store.end(id(2), EndReason::Logout).await), CORRUPT);
    assert_eq!(kind(store.insert(&second).await), StoreErrorKind::Duplicate);
    // It holds up neither the confirmations nor the end of the others.
    let pairs = [1, 2, 3].map(|number| (id(number), 0));
    store.confirm(&pairs).await.unwrap();
    assert!(load(&store, 3).await.state.confirmed_at.is_some());
    let page = store.list(ISSUER, "ada", Some(id(9)), 9).await;
    assert_eq!(kind(page), CORRUPT);
    assert_eq!(kind(end_all(&store).await), CORRUPT);
    for number in [1, 3, 250] {
        assert!(load(&store, number).await.state.ended.is_some());
    }
    let kept: Vec<String> = server.run(&format!("LRANGE {} 0 -1", key(2))).await;
    assert_eq!(kept, ["x"]);
}

#[tokio::test]
async fn an_index_of_another_type_lets_nobody_in() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let () = server.run(&format!("SET {} x", index("ada"))).await;
    let first = record(1, now(&store).await);
    // Without an entry the session cannot be ended with the others: nobody gets its token.
    assert_eq!(kind(store.insert(&first).await), CORRUPT);
    assert_eq!(kind(store.list(ISSUER, "ada", None, 9).await), CORRUPT);
    assert_eq!(kind(end_all(&store).await), CORRUPT);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_corrupt_and_tells_nothing() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let damages = [
        "SETRANGE KEY 14 \u{2}",
        "SETRANGE KEY 70 mallory",
        "APPEND KEY mallory",
        "SET KEY mallory",
        "SET KEY \u{1}",
    ];
    for (number, damage) in (1..).zip(damages) {
        insert(&store, number).await;
        insert(&store, number + 100).await;
        let () = server.run(&damage.replace("KEY", &key(number))).await;
        let error = store.load(id(number)).await.expect_err(damage);
        assert_eq!(error.kind(), CORRUPT, "{damage}");
        let source = std::error::Error::source(&error).expect("a cause");
        assert!(!source.to_string().contains("mallory"), "{source}");
        assert!(find(&store, number + 100).await.is_some());
    }
    // What can be told not to be a row at all does not count as ended.
    for number in [4, 5] {
        assert_eq!(
            kind(store.end(id(number), EndReason::Logout).await),
            CORRUPT
        );
    }
}

#[tokio::test]
async fn a_row_of_a_later_format_is_left_alone() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let first = insert(&store, 1).await;
    let () = server.run(&format!("SETRANGE {} 0 \u{5}", key(1))).await;
    let before: Vec<u8> = server.run(&format!("GET {}", key(1))).await;

    assert_eq!(kind(store.load(first.session.id).await), CORRUPT);
    assert_eq!(swap(&store, 0, &rotated(&first)).await, Swap::Lost);
    store.confirm(&[(first.session.id, 0)]).await.unwrap();
    assert_eq!(
        kind(store.end(first.session.id, EndReason::Logout).await),
        CORRUPT
    );
    let after: Vec<u8> = server.run(&format!("GET {}", key(1))).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_session_that_can_never_be_kept_is_unsuitable() {
    const LARGEST: usize = 1024 * 1024;
    // The least that a server can be set to.
    let settings = [("proto-max-bulk-len", "1mb")];
    let Some(server) = Redis::start_with(&settings).await else {
        return;
    };
    let store = open(&server).await;
    let mut record = record(1, now(&store).await);
    record.session.subject = "s".repeat(LARGEST);
    for _ in 0..2 {
        let refused = store.insert(&record).await;
        assert_eq!(kind(refused), StoreErrorKind::Unstorable);
    }
    let keys: u64 = server.run("DBSIZE").await;
    assert_eq!(keys, 0);

    record.session.subject.truncate(LARGEST - 300);
    let subject = &record.session.subject;
    store.insert(&record).await.unwrap();
    assert!(load(&store, 1).await == record);
    let listed = store.list(ISSUER, subject, None, 9).await.unwrap();
    assert_eq!(listed.records.len(), 1);
    let ended = store.end_all(ISSUER, subject, None, EndReason::Logout);
    assert_eq!(ended.await.unwrap(), [id(1)]);
}
