//! Sessions that others change while they are ended.

use std::sync::atomic::{AtomicI64, Ordering};

use mongodb::bson::{DateTime, Document};

use super::{
    scripted::{Reply, TIME, name_of},
    *,
};

/// Long after that.
const LATE: i64 = TIME + 30 * 24 * 3_600_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The filter and the change of an update.
fn update(command: &Document) -> (Document, Document) {
    let update = command.get_array("updates").unwrap()[0]
        .as_document()
        .unwrap();
    let part = |name| update.get_document(name).unwrap().clone();
    (part("q"), part("u"))
}

#[tokio::test]
async fn a_session_that_is_always_another_is_ended_whatever_its_version() {
    let (server, store) = on_a_replica_set().await;
    let version = AtomicI64::new(0);
    server.script(move |command| match name_of(command).as_str() {
        "find" => Some(Reply::Answer(found(vec![doc! {
            "_id": id(1).to_string(), "format": 2, "live": true,
            "version": version.fetch_add(1, Ordering::SeqCst),
            "expires_at": DateTime::from_millis(TIME), "ends_at": DateTime::from_millis(LATE),
            "now": DateTime::from_millis(TIME),
        }]))),
        "update" => {
            let was_changed = update(command).0.get_i64("version").is_ok();
            Some(Reply::Answer(
                doc! { "ok": 1, "n": i32::from(!was_changed), "nModified": 0 },
            ))
        }
        _ => None,
    });
    server.commands();
    assert!(end(&store, 1).await);
    let updates = server.commands();
    let updates = updates
        .iter()
        .filter(|command| name_of(command) == "update");
    let updates: Vec<_> = updates.map(update).collect();
    let of_versions = updates
        .iter()
        .filter(|(of, _)| of.get_i64("version").is_ok());
    assert_eq!((of_versions.count(), updates.len()), (4, 6));
    let (of, by) = &updates[4];
    let latest = DateTime::from_millis(TIME + 60_000);
    assert_eq!(
        of,
        &doc! {
            "_id": id(1).to_string(), "format": 2, "live": true,
            "expires_at": { "$lte": latest }, "version": { "$lt": i64::MAX },
        }
    );
    assert_eq!(by.get_document("$inc"), Ok(&doc! { "version": 1_i64 }));
    // If nothing came after it, it would be kept for no more than the minute that it was unsure of.
    let until = DateTime::from_millis(TIME + 24 * 3_600_000);
    assert_eq!(by.get_document("$min"), Ok(&doc! { "ends_at": until }));
    let (of, by) = &updates[5];
    assert_eq!(
        of.get_datetime("ended_at"),
        Ok(&DateTime::from_millis(TIME))
    );
    assert_eq!(by, &doc! { "$min": { "ends_at": until } });
}

#[tokio::test]
async fn what_a_lost_answer_left_undone_is_done_when_the_end_is_repeated() {
    let (server, store) = on_a_replica_set().await;
    let mut seen = doc! {
        "_id": id(1).to_string(), "format": 2, "version": 7_i64, "end_reason": "logout",
        "ended_at": DateTime::from_millis(TIME), "expires_at": DateTime::from_millis(LATE - 9),
        "ends_at": DateTime::from_millis(LATE), "now": DateTime::from_millis(TIME),
    };
    server.answer("find", found(vec![seen.clone()]));
    server.commands();
    assert!(!end(&store, 1).await);
    let (of, by) = update(&server.commands()[1]);
    assert_eq!(
        of.get_datetime("ended_at"),
        Ok(&DateTime::from_millis(TIME))
    );
    let until = DateTime::from_millis(LATE - 9);
    assert_eq!(by, doc! { "$min": { "ends_at": until } });

    seen.insert("ends_at", until);
    server.answer("find", found(vec![seen]));
    assert!(!end(&store, 1).await);
    assert_eq!(server.commands().len(), 1, "there is nothing to be done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_ends_while_others_rotate_it() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let store = open(&server).await;
    let mut first = record(1, now(&store).await);
    first.session.ends_at = first.session.created_at + 30 * DAY;
    store.insert(&first).await.unwrap();
    let rotators = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut kept = load(&store, 1).await;
            let mut rotations = 0;
            while kept.state.ended.is_none() {
                let swap = swap(&store, kept.state.version, &rotated(&kept)).await;
                rotations += u32::from(swap == Swap::Swapped);
                kept = load(&store, 1).await;
            }
            rotations
        })
    });
    let rotators: Vec<_> = rotators.collect();
    while load(&store, 1).await.state.generation < 20 {}
    assert!(end(&store, 1).await);
    let kept = load(&store, 1).await;
    let ended = kept.state.ended.expect("it is ended");
    assert_eq!(kept.session.ends_at, ended.at + DAY);
    for rotator in rotators {
        rotator.await.unwrap();
    }
    assert!(load(&store, 1).await == kept);
    assert!(!end(&store, 1).await);
}

#[tokio::test]
async fn a_session_of_the_highest_version_ends() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let store = open(&server).await;
    let mut highest = record(1, now(&store).await);
    highest.state.version = i64::MAX as u64;
    store.insert(&highest).await.unwrap();
    assert!(end(&store, 1).await);
    assert_eq!(load(&store, 1).await.state.version, i64::MAX as u64);
}
