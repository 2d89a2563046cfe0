//! Documents that hold what the store has not written.

use mongodb::bson::{Bson, doc};

use super::*;

const CORRUPT: StoreErrorKind = StoreErrorKind::Corrupt;

async fn set(server: &Nx27017, number: u128, field: &str, value: Bson) {
    let update = doc! { "q": { "_id": id(number).to_string() }, "u": { "$set": { field: value } } };
    server
        .run(doc! { "update": COLLECTION, "updates": [update] })
        .await;
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_corrupt_and_tells_nothing() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let store = open(&server).await;
    let damages: [(&str, Bson); 16] = [
        ("format", "1".into()),
        ("live", 1.into()),
        ("issuer", 7.into()),
        ("secret", "mallory".into()),
        ("ends_at", "mallory".into()),
        ("scope", "\"mallory\"".into()),
        ("client_id", 7.into()),
        ("claims", "mallory".into()),
        ("metadata", doc! { "a": "mallory" }.into()),
        ("idle_lifetime", (-1).into()),
        ("extra", "[]".into()),
        ("state_extra", "[]".into()),
        ("version", (-1).into()),
        ("generation", (1_i64 << 32).into()),
        ("late", 1.5.into()),
        ("bound_to", "mallory".into()),
        ("end_reason", "mallory".into()),
    ];
    for (number, (field, value)) in (1..).zip(damages) {
        insert(&store, number).await;
        set(&server, number, field, value).await;
        let error = store.load(id(number)).await.expect_err(field);
        assert_eq!(error.kind(), CORRUPT, "{field}");
        let source = std::error::Error::source(&error).expect("a cause");
        assert!(
            !format!("{source:?}{source}").contains("mallory"),
            "{source}"
        );
    }
}

#[tokio::test]
async fn damage_holds_up_neither_the_end_nor_the_confirmation_of_others() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let store = open(&server).await;
    for number in 1..=100 {
        insert(&store, number).await;
    }
    set(&server, 2, "expires_at", "mallory".into()).await;
    set(&server, 3, "format", 3.into()).await;
    store
        .confirm(&[1, 2, 3, 4].map(|number| (id(number), 0)))
        .await
        .unwrap();
    assert!(load(&store, 4).await.state.confirmed_at.is_some());
    assert_eq!(kind(end_all(&store).await), CORRUPT);
    for number in [1, 4, 100] {
        assert!(load(&store, number).await.state.ended.is_some(), "{number}");
    }
    assert_eq!(kind(store.end(id(2), EndReason::Logout).await), CORRUPT);
}

#[tokio::test]
async fn a_session_that_no_document_holds_is_refused() {
    let Some(server) = Nx27017::start().await else {
        return;
    };
    let store = open(&server).await;
    let mut large = record(1, now(&store).await);
    large.session.subject = "s".repeat(1024 * 1024 + 1);
    assert_eq!(kind(store.insert(&large).await), StoreErrorKind::Unstorable);
    let mut far = record(1, now(&store).await);
    far.state.version = u64::MAX;
    assert_eq!(kind(store.insert(&far).await), StoreErrorKind::Unstorable);
    assert_eq!(swap(&store, u64::MAX, &far).await, Swap::Lost);
    far.state.version = i64::MAX as u64;
    store.insert(&far).await.unwrap();
    assert_eq!(load(&store, 1).await.state.version, i64::MAX as u64);
}
