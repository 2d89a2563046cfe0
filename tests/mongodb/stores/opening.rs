//! Addresses and names that cannot be used, and documents that are of another version.

use mongodb::bson::doc;

use super::*;

/// Where nobody answers.
const BRIEF: Duration = Duration::from_millis(500);

async fn refused_at(url: &str, timeout: Duration) -> String {
    let options = MongoOptions::new().timeout(timeout);
    refused(MongoStore::connect_with(url, options)).await
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused() {
    for url in [
        "",
        "mongodb",
        "redis://localhost",
        "mongodb://",
        "mongodb://:hunter2@",
    ] {
        let why = refused_at(url, BRIEF).await;
        assert_eq!(why, "its address is no MongoDB address", "{url}");
    }
    let free = tests_shared::servers::free_port();
    let why = refused_at(&format!("mongodb://ada:hunter2@127.0.0.1:{free}/"), BRIEF).await;
    assert_eq!(why, "no primary of it can be reached");
}

#[tokio::test]
async fn a_server_of_another_kind_is_refused_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mongodb://{}/", listener.local_addr().unwrap());
    let why = refused_at(&url, BRIEF).await;
    assert!(
        why == "no primary of it can be reached" || why == "its server does not answer in time",
        "{why}"
    );
}

#[tokio::test]
async fn a_name_that_cannot_be_used_is_refused() {
    for name in ["", "a$b", "a\0b", "system.users"] {
        let options = MongoOptions::new().collection(name);
        let store = MongoStore::connect_with("mongodb://127.0.0.1:1/", options);
        assert_eq!(
            refused(store).await,
            "the name of its collection cannot be used"
        );
    }
}

#[tokio::test]
async fn a_store_is_opened_many_times_and_collections_are_separate() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let stores = futures_util::future::join_all((0..8).map(|_| open(&server))).await;
    insert(&stores[0], 1).await;
    assert_eq!(live(&stores[7]).await, [id(1)]);
    let options = MongoOptions::new().collection("other");
    let other = MongoStore::new_with(server.database().await, options)
        .await
        .unwrap();
    assert_eq!(live(&other).await, []);
}

#[tokio::test]
async fn documents_of_a_later_version_are_refused_and_left_alone() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let store = open(&server).await;
    insert(&store, 1).await;
    let later = doc! { "update": COLLECTION, "updates": [
        { "q": { "_id": "format" }, "u": { "$set": { "format": 3 } } },
        { "q": { "_id": id(1).to_string() }, "u": { "$set": { "format": 3 } } },
    ] };
    server.run(later).await;
    let why = refused_at(&server.url(), Duration::from_secs(20)).await;
    assert_eq!(why, "its documents are of another version of this crate");
    // One that was opened before leaves what it cannot read.
    let first = record(1, now(&store).await);
    assert_eq!(kind(store.load(id(1)).await), StoreErrorKind::Corrupt);
    assert_eq!(swap(&store, 0, &rotated(&first)).await, Swap::Lost);
    store.confirm(&[(id(1), 0)]).await.unwrap();
    assert_eq!(
        kind(store.end(id(1), EndReason::Logout).await),
        StoreErrorKind::Corrupt
    );
    assert_eq!(kind(end_all(&store).await), StoreErrorKind::Corrupt);
}
