//! A server without any memory left.

use super::*;

#[tokio::test]
async fn a_full_server_takes_no_logins_and_serves_those_who_are_in() {
    let settings = [("maxmemory", "4mb"), ("maxmemory-policy", "noeviction")];
    let Some(server) = Redis::start_with(&settings).await else {
        return;
    };
    let store = open(&server).await;
    let note = [("note".to_owned(), "ü".repeat(8 * 1024))];
    let mut kept = Vec::new();
    let (refused, error) = loop {
        let mut record = record(kept.len() as u128, now(&store).await);
        record.session.metadata = note.clone().into();
        match store.insert(&record).await {
            Ok(()) => kept.push(record),
            Err(error) => break (record, error),
        }
        assert!(kept.len() < 10_000, "its memory has no end");
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(kept.len() > 10);
    assert!(
        store
            .load(refused.session.id)
            .await
            .unwrap()
            .record
            .is_none()
    );

    // Now not even the index has room.
    let () = server.run("CONFIG SET maxmemory 1mb").await;
    let small = record(10_001, now(&store).await);
    let () = server.run(&format!("DEL {}", index("eve"))).await;
    let mut eve = small.clone();
    eve.session.subject = "eve".to_owned();
    for login in [&small, &eve] {
        assert_eq!(kind(store.insert(login).await), StoreErrorKind::Unavailable);
        assert!(store.load(login.session.id).await.unwrap().record.is_none());
    }
    let is_there: bool = server.run(&format!("EXISTS {}", index("eve"))).await;
    assert!(!is_there);

    let next = rotated(&kept[0]);
    assert_eq!(swap(&store, 0, &next).await, Swap::Swapped);
    store.confirm(&[(kept[1].session.id, 0)]).await.unwrap();
    assert!(load(&store, 1).await.state.confirmed_at.is_some());
    assert!(end(&store, 2).await);
    let mut reused = rotated(&kept[3]);
    reused.state.ended = Some(Ended::new(now(&store).await, EndReason::Reuse));
    assert_eq!(swap(&store, 0, &reused).await, Swap::Swapped);
    assert_eq!(live(&store).await.len(), kept.len() - 2);
    assert_eq!(end_all(&store).await.unwrap().len(), kept.len() - 2);
    let start = kept[0].session.created_at;
    assert_eq!(ended_since(&store, start).await.len(), kept.len());

    // Once there is room again, so are those who could not come in.
    let () = server.run("CONFIG SET maxmemory 0").await;
    store.insert(&refused).await.unwrap();
    assert!(store.load(refused.session.id).await.unwrap().record == Some(refused));
}
