//! Which commands each call sends to a replica set: the list that a MongoDB would be sent.

use mongodb::bson::{DateTime, Document, doc};

use super::{
    scripted::{Reply, Scripted, TIME, found, name_of},
    *,
};

/// The commands of a call, without the fields that a projection names.
async fn sent(server: &Scripted, call: impl Future<Output = ()>) -> Vec<Document> {
    server.commands();
    call.await;
    let mut commands = server.commands();
    for command in &mut commands {
        command.remove("projection");
    }
    commands
}

fn write_concern() -> Document {
    doc! { "w": "majority", "wtimeout": 2_000, "j": true }
}

/// A command as a text: its fields by their names, its numbers of whatever size.
fn plain(command: &Document) -> String {
    let mut fields: Vec<_> = command.clone().into_iter().collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields.into_iter().collect::<Document>().to_string()
}

#[track_caller]
fn same(sent: &[Document], expected: &[Document]) {
    let [sent, expected] = [sent, expected].map(|all| all.iter().map(plain).collect::<Vec<_>>());
    assert_eq!(sent, expected);
}

fn seen(number: u128, version: i64) -> Document {
    doc! {
        "_id": id(number).to_string(), "format": 2, "live": true, "version": version,
        "expires_at": DateTime::from_millis(TIME + 1_000), "now": DateTime::from_millis(TIME),
    }
}

#[tokio::test]
async fn a_store_is_opened_by_these() {
    let server = Scripted::start().await;
    server.answer("find", found(vec![doc! { "_id": "format", "format": 2 }]));
    let opening = async { drop(open_at(&server.url()).await) };
    let sent = sent(&server, opening).await;
    let names: Vec<_> = sent.iter().map(name_of).collect();
    assert_eq!(names, ["hello", "find", "createIndexes"]);
    let indexes = sent[2].get_array("indexes").unwrap();
    let indexes = indexes
        .iter()
        .map(|index| index.as_document().unwrap().clone());
    let simple = doc! { "locale": "simple" };
    same(
        &indexes.collect::<Vec<_>>(),
        &[
            doc! {
                "key": { "issuer": 1, "subject": 1, "_id": -1 }, "name": "tower_bearer_live",
                "partialFilterExpression": { "live": true }, "collation": simple.clone(),
            },
            doc! {
                "key": { "ended_at": 1, "_id": 1 }, "name": "tower_bearer_ended",
                "partialFilterExpression": { "ended_at": { "$exists": true } }, "collation": simple,
            },
            doc! { "key": { "ends_at": 1 }, "name": "tower_bearer_over", "expireAfterSeconds": 3600 },
        ],
    );
}

#[tokio::test]
async fn a_swap_is_one_update_of_the_version_that_was_seen() {
    let (server, store) = on_a_replica_set().await;
    let next = rotated(&record(1, Timestamp::from_millis(TIME)));
    let call = async { assert_eq!(swap(&store, 41, &next).await, Swap::Swapped) };
    let sent = sent(&server, call).await;
    let date = |millis| DateTime::from_millis(millis);
    same(
        &sent,
        &[doc! {
            "update": COLLECTION, "ordered": true, "writeConcern": write_concern(), "txnNumber": 1_i64,
            "updates": [{
                "q": { "_id": id(1).to_string(), "format": 2, "live": true, "version": 41_i64 },
                "u": { "$set": {
                    "version": 1_i64, "generation": 1_i64,
                    "rotated_at": null, "delivered_at": null, "confirmed_at": null, "late": 0_i64,
                    "expires_at": date(TIME + 3_600_000), "last_refreshed_at": null, "bound_to": null,
                    "state_extra": "{}",
                } },
            }],
        }],
    );
}

#[tokio::test]
async fn a_load_is_one_find_that_tells_the_time() {
    let (server, store) = on_a_replica_set().await;
    let load = async { assert!(store.load(id(1)).await.unwrap().record.is_none()) };
    // Where there is no session, no answer tells the time.
    let sent = sent(&server, load).await;
    same(
        &sent,
        &[
            doc! {
                "find": COLLECTION, "filter": { "_id": id(1).to_string() }, "limit": 1_i64,
                "singleBatch": true, "maxTimeMS": 2_000, "readConcern": { "level": "majority" },
            },
            doc! { "hello": 1 },
        ],
    );
    server.answer("find", found(vec![doc! { "_id": "format", "format": 2 }]));
    let options = MongoOptions::new().linearizable_loads(true);
    let store = MongoStore::connect_with(&server.url(), options)
        .await
        .unwrap();
    server.commands();
    server.script(|_| None);
    store.load(id(1)).await.unwrap();
    let load = server.commands().remove(0);
    let concern = load.get_document("readConcern").unwrap();
    assert_eq!(concern, &doc! { "level": "linearizable" });
    let fields = load.get_document("projection").unwrap();
    assert_eq!(fields.get_str("now"), Ok("$$NOW"));
    assert_eq!(fields.len(), 28);
}

#[tokio::test]
async fn an_end_looks_at_the_session_and_ends_what_it_saw() {
    let (server, store) = on_a_replica_set().await;
    server.answer("find", found(vec![seen(1, 7)]));
    let call = async { assert!(end(&store, 1).await) };
    let sent = sent(&server, call).await;
    let names: Vec<_> = sent.iter().map(name_of).collect();
    assert_eq!(names, ["find", "update"]);
    let update = sent[1].get_array("updates").unwrap()[0]
        .as_document()
        .unwrap();
    let day = 24 * 3_600_000;
    same(
        std::slice::from_ref(update),
        &[doc! {
            "q": { "_id": id(1).to_string(), "format": 2, "live": true, "version": 7_i64 },
            "u": {
                "$set": {
                    "version": 8_i64, "ended_at": DateTime::from_millis(TIME),
                    "end_reason": "logout", "claims": "{}", "metadata": [], "state_extra": "{}",
                },
                "$unset": { "live": "" },
                "$min": { "ends_at": DateTime::from_millis(TIME + day) },
            },
        }],
    );
    assert_eq!(
        sent[1].get_document("writeConcern").unwrap(),
        &write_concern()
    );
}

#[tokio::test]
async fn confirmations_go_together_and_take_the_servers_time() {
    let (server, store) = on_a_replica_set().await;
    let pairs: Vec<_> = (0..300).map(|number| (id(number), 5)).collect();
    let call = async { store.confirm(&pairs).await.unwrap() };
    let sent = sent(&server, call).await;
    let sizes = sent.iter().map(|it| it.get_array("updates").unwrap().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [256, 44]);
    let first = sent[0].get_array("updates").unwrap()[0]
        .as_document()
        .unwrap();
    same(
        std::slice::from_ref(first),
        &[doc! {
            "q": {
                "_id": id(0).to_string(), "format": 2, "live": true, "generation": 5_i64,
                "confirmed_at": null, "version": { "$lt": i64::MAX },
            },
            "u": { "$currentDate": { "confirmed_at": true }, "$inc": { "version": 1_i64 } },
        }],
    );
    let concern = sent[0].get_document("writeConcern").unwrap();
    assert_eq!(concern.get_str("w"), Ok("majority"));
    assert_eq!(sent[0].get_bool("ordered"), Ok(false));
}

#[tokio::test]
async fn the_sessions_of_a_subject_are_found_by_the_index_of_live_ones() {
    let (server, store) = on_a_replica_set().await;
    let call = async { assert_eq!(live(&store).await, []) };
    let sent = sent(&server, call).await;
    let now = DateTime::from_millis(TIME);
    same(
        &sent,
        &[
            doc! { "hello": 1 },
            doc! {
                "find": COLLECTION,
                "filter": {
                    "issuer": ISSUER, "subject": "ada", "live": true,
                    "ends_at": { "$gt": now }, "expires_at": { "$gt": now },
                },
                "sort": { "_id": -1 }, "collation": { "locale": "simple" }, "limit": 64_i64,
                "batchSize": 65, "maxTimeMS": 2_000, "readConcern": { "level": "majority" },
            },
        ],
    );
}

#[tokio::test]
async fn all_sessions_are_walked_by_the_index_of_identifiers() {
    let (server, store) = on_a_replica_set().await;
    let after = Cursor::from(id(7));
    let call = async {
        let page = store.list_all(ISSUER, Some(&after), 10).await.unwrap();
        assert!(page.records.is_empty() && page.next.is_none());
    };
    let sent = sent(&server, call).await;
    let (now, before) = (DateTime::from_millis(TIME), id(7).to_string());
    same(
        &sent,
        &[
            doc! { "hello": 1 },
            doc! {
                "find": COLLECTION, "filter": { "_id": { "$lt": &before } },
                "sort": { "_id": -1 }, "hint": { "_id": 1 }, "skip": 1_999, "limit": 1_i64,
                "batchSize": 2, "maxTimeMS": 2_000, "readConcern": { "level": "majority" },
            },
            doc! {
                "find": COLLECTION,
                "filter": {
                    "_id": { "$lt": &before }, "live": true, "issuer": ISSUER,
                    "ends_at": { "$gt": now }, "expires_at": { "$gt": now },
                },
                "sort": { "_id": -1 }, "hint": { "_id": 1 }, "limit": 10_i64,
                "batchSize": 11, "maxTimeMS": 2_000, "readConcern": { "level": "majority" },
            },
        ],
    );
}

#[tokio::test]
async fn a_swap_whose_connection_is_lost_is_sent_once_more_as_the_same() {
    let (server, store) = on_a_replica_set().await;
    let tried = std::sync::atomic::AtomicU32::new(0);
    server.script(move |command| {
        let is_first = name_of(command) == "update"
            && tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        is_first.then_some(Reply::Close)
    });
    let next = rotated(&record(1, Timestamp::from_millis(TIME)));
    let call = async { assert_eq!(swap(&store, 0, &next).await, Swap::Swapped) };
    let sent = sent(&server, call).await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
    assert!(sent[0].get_i64("txnNumber").is_ok());
}
