//! Key rings: the commands that are sent, and what the store makes of the answers.

use mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};

use super::{
    scripted::{Reply, TIME, found},
    *,
};

const RINGS: &str = "tower_bearer_sessions_rings";

fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Generic,
        bytes: bytes.to_vec(),
    })
}

fn ring(version: u64) -> SealedRing {
    SealedRing::new(version, *b"sealed").unwrap()
}

/// The document of a ring.
fn kept() -> Document {
    doc! {
        "_id": "72696e67", "format": 1, "version": 7_i64, "document": "7365616c6564",
        "now": DateTime::from_millis(TIME + 5),
    }
}

#[tokio::test]
async fn a_load_is_one_find_that_tells_the_time() {
    let (server, store) = on_a_replica_set().await;
    server.answer("find", found(vec![kept()]));
    server.commands();
    let loaded = store.load_ring("ring").await.unwrap();
    assert_eq!(loaded.ring, Some(ring(7)));
    assert_eq!(loaded.now, Timestamp::from_millis(TIME + 5));
    let sent = server.commands();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].get_str("find"), Ok(RINGS));
    let filter = sent[0].get_document("filter").unwrap();
    assert_eq!(filter, &doc! { "_id": "72696e67" });
    let concern = sent[0].get_document("readConcern").unwrap();
    assert_eq!(concern, &doc! { "level": "majority" });
    let fields = sent[0].get_document("projection").unwrap();
    assert_eq!(fields.get_str("now"), Ok("$$NOW"));
}

#[tokio::test]
async fn the_first_swap_is_an_insert_and_every_other_a_replacement_of_its_version() {
    let (server, store) = on_a_replica_set().await;
    server.commands();
    let first = store.swap_ring("ring", None, &ring(1)).await;
    assert_eq!(first.unwrap(), Swap::Swapped);
    let next = store.swap_ring("ring", Some(7), &ring(8)).await;
    assert_eq!(next.unwrap(), Swap::Swapped);
    let sent = server.commands();
    assert_eq!(sent.len(), 2);
    let concern = doc! { "w": "majority", "wtimeout": 2_000, "j": true };
    for (sent, (name, what, expected)) in sent.iter().zip([
        (
            "insert",
            "documents",
            doc! {
                "_id": "72696e67", "format": 1, "version": 1_i64, "document": "7365616c6564",
            },
        ),
        (
            "update",
            "updates",
            doc! {
                "q": { "_id": "72696e67", "format": 1, "version": 7_i64 },
                "u": {
                    "_id": "72696e67", "format": 1, "version": 8_i64, "document": "7365616c6564",
                },
            },
        ),
    ]) {
        assert_eq!(sent.get_str(name), Ok(RINGS));
        let what = sent.get_array(what).unwrap()[0].as_document().unwrap();
        let sorted = |document: &Document| {
            let mut fields: Vec<_> = document.clone().into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            fields
        };
        assert_eq!(sorted(what), sorted(&expected));
        assert_eq!(sent.get_document("writeConcern"), Ok(&concern));
        // The servers know a write by it that the driver sends again.
        assert!(sent.contains_key("txnNumber"), "{sent}");
    }
    server.commands();
    let lost = store.swap_ring("ring", Some(u64::MAX), &ring(8)).await;
    assert_eq!(lost.unwrap(), Swap::Lost);
    assert_eq!(server.commands().len(), 0);
}

#[tokio::test]
async fn each_answer_is_what_the_server_says_of_the_write() {
    let (server, store) = on_a_replica_set().await;
    let failed = |code: i32| doc! { "ok": 1, "n": 0, "writeErrors": [{ "index": 0, "code": code, "errmsg": "mallory" }] };
    let first = async || store.swap_ring("ring", None, &ring(1)).await;
    let next = async || store.swap_ring("ring", Some(7), &ring(8)).await;
    server.answer("insert", failed(11000));
    assert_eq!(first().await.unwrap(), Swap::Lost);
    server.answer("insert", failed(14031));
    assert_eq!(kind(first().await), StoreErrorKind::Unavailable);
    server.answer("update", doc! { "ok": 1, "n": 0, "nModified": 0 });
    assert_eq!(next().await.unwrap(), Swap::Lost);
    let late = doc! { "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "mallory" };
    let late = doc! { "ok": 1, "n": 1, "nModified": 1, "writeConcernError": late };
    server.answer("update", late.clone());
    assert_eq!(kind(next().await), StoreErrorKind::Timeout);
    server.answer("insert", late);
    assert_eq!(kind(first().await), StoreErrorKind::Timeout);
    let options = MongoOptions::new().timeout(Duration::from_secs(2));
    server.answer("find", found(vec![doc! { "_id": "format", "format": 2 }]));
    let hasty = MongoStore::connect_with(&server.url(), options).await;
    let hasty = hasty.expect("it opens");
    server.script(|_| Some(Reply::Silence));
    let load = hasty.load_ring("ring").await;
    assert_eq!(kind(load), StoreErrorKind::Timeout);
}

#[tokio::test]
async fn a_document_that_is_not_a_rings_is_corrupt() {
    let (server, store) = on_a_replica_set().await;
    let many = "00".repeat(SealedRing::LONGEST + 1);
    for (field, value) in [
        ("format", Bson::Int32(2)),
        ("format", Bson::Null),
        ("version", Bson::Int64(-1)),
        ("version", Bson::String("7".to_owned())),
        ("document", Bson::String("sealed".to_owned())),
        ("document", binary(b"sealed")),
        ("document", Bson::String(String::new())),
        ("document", Bson::String("7".to_owned())),
        ("document", Bson::String("+7".to_owned())),
        ("document", Bson::String(many)),
    ] {
        let mut document = kept();
        document.insert(field, value);
        server.answer("find", found(vec![document]));
        let load = store.load_ring("ring").await;
        assert_eq!(kind(load), StoreErrorKind::Corrupt, "{field}");
    }
}
